package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
)

// drawPictures writes PNG files of 320×240 pixels into a folder and returns
// their paths.
func drawPictures(dir string) ([]string, error) {
	files := make([]string, pictures)
	for i := range files {
		files[i] = filepath.Join(dir, fmt.Sprintf("picture-%02d.png", i+1))
		if err := drawPicture(files[i], i); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// drawPicture writes the n-th picture: colored waves.
func drawPicture(path string, n int) error {
	img := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for y := range 240 {
		for x := range 320 {
			img.Set(x, y, color.RGBA{R: uint8(x + 16*n), G: uint8(y + x*n/8), B: uint8(x * y / 200), A: 255})
		}
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := png.Encode(file, img); err != nil {
		return err
	}
	return file.Close()
}

// checkPictures opens every thumbnail in a folder.
func checkPictures(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "picture-*.png"))
	if err != nil || len(files) != pictures {
		return fmt.Errorf("%d thumbnails were written, want %d: %v", len(files), pictures, err)
	}
	for _, path := range files {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		picture, err := png.Decode(file)
		file.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if size := picture.Bounds().Size(); size != image.Pt(64, 48) {
			return fmt.Errorf("%s has %v pixels, want 64×48", path, size)
		}
	}
	return nil
}
