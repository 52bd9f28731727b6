package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

// maxPixels limits the pictures that are decoded: a small file can hold a
// picture that does not fit into memory.
const maxPixels = 64 << 20

// shrink decodes a PNG file and returns it, encoded again, with a longer side
// of size pixels. A picture that is small enough keeps its size.
func shrink(file []byte, size int) ([]byte, error) {
	if size < 1 {
		return nil, errors.New("the size of a thumbnail must be at least 1")
	}
	src, err := decode(file)
	if err != nil {
		return nil, err
	}
	from := src.Bounds()
	longer := max(from.Dx(), from.Dy())
	size = min(size, longer)
	to := image.Rect(0, 0, max(1, from.Dx()*size/longer), max(1, from.Dy()*size/longer))

	dst := image.NewRGBA64(to)
	for y := range to.Dy() {
		for x := range to.Dx() {
			// The pixel (x, y) stands for this block of the source.
			block := image.Rect(
				from.Min.X+x*from.Dx()/to.Dx(), from.Min.Y+y*from.Dy()/to.Dy(),
				from.Min.X+(x+1)*from.Dx()/to.Dx(), from.Min.Y+(y+1)*from.Dy()/to.Dy())
			dst.Set(x, y, average(src, block))
		}
	}
	var small bytes.Buffer
	err = png.Encode(&small, dst)
	return small.Bytes(), err
}

func decode(file []byte) (image.Image, error) {
	header, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("not a picture: %w", err)
	}
	if header.Width > maxPixels/header.Height {
		return nil, fmt.Errorf("%d×%d pixels are too many", header.Width, header.Height)
	}
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("not a whole picture: %w", err)
	}
	return img, nil
}

// average returns the mean color of a block, which is not empty.
func average(img image.Image, block image.Rectangle) color.Color {
	var r, g, b, a uint64
	for y := block.Min.Y; y < block.Max.Y; y++ {
		for x := block.Min.X; x < block.Max.X; x++ {
			cr, cg, cb, ca := img.At(x, y).RGBA()
			r, g, b, a = r+uint64(cr), g+uint64(cg), b+uint64(cb), a+uint64(ca)
		}
	}
	n := uint64(block.Dx() * block.Dy())
	return color.RGBA64{R: uint16(r / n), G: uint16(g / n), B: uint16(b / n), A: uint16(a / n)}
}
