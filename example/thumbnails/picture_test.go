package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"testing"
)

func TestShrink(t *testing.T) {
	tests := []struct {
		name         string
		w, h, size   int
		wantW, wantH int
	}{
		{"wide", 320, 240, 64, 64, 48},
		{"high", 240, 320, 64, 48, 64},
		{"already small", 10, 5, 64, 10, 5},
		{"not a multiple", 100, 33, 64, 64, 21},
		{"a line", 1000, 1, 64, 64, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			small, err := shrink(redPicture(t, tt.w, tt.h), tt.size)
			if err != nil {
				t.Fatal(err)
			}
			got, err := png.Decode(bytes.NewReader(small))
			if err != nil {
				t.Fatal(err)
			}
			if size := got.Bounds().Size(); size != (image.Point{X: tt.wantW, Y: tt.wantH}) {
				t.Errorf("size %v, want %dx%d", size, tt.wantW, tt.wantH)
			}
			if r, g, b, a := got.At(0, 0).RGBA(); r != 0xffff || g != 0 || b != 0 || a != 0xffff {
				t.Errorf("the first pixel is not red: %x %x %x %x", r, g, b, a)
			}
		})
	}
}

func TestShrinkBadInput(t *testing.T) {
	good := redPicture(t, 100, 100)
	tests := []struct {
		name string
		file []byte
		size int
	}{
		{"not a picture", []byte("GIF89a"), 64},
		{"cut off", good[:len(good)/2], 64},
		{"size 0", good, 0},
		{"too many pixels", withSize(good, 40_000, 40_000), 64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := shrink(tt.file, tt.size); err == nil {
				t.Error("no error")
			} else {
				t.Log(err)
			}
		})
	}
}

// redPicture returns a PNG file.
func redPicture(t *testing.T, w, h int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{R: 255, A: 255}), image.Point{}, draw.Src)
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// withSize returns a copy of a PNG file whose header claims another size.
func withSize(file []byte, w, h uint32) []byte {
	file = bytes.Clone(file)
	header := file[12:29] // type and content of the first chunk
	binary.BigEndian.PutUint32(header[4:], w)
	binary.BigEndian.PutUint32(header[8:], h)
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(header))
	return file
}
