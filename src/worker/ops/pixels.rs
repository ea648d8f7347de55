//! Tensors of a CPU as slices of numbers, with the channels of a pixel next to each other.

use half::bf16;
use tch::{Device, Kind, Tensor};

/// What a tensor holds.
pub trait Element: Copy + Send + Sync + 'static {
    /// Its name in libtorch.
    const KIND: Kind;
}

impl Element for u8 {
    const KIND: Kind = Kind::Uint8;
}

impl Element for f32 {
    const KIND: Kind = Kind::Float;
}

impl Element for bf16 {
    const KIND: Kind = Kind::BFloat16;
}

/// What networks compute in; sums and products are f32.
pub trait Number: Element {
    /// Its value, exactly.
    fn get(self) -> f32;
    /// The nearest one.
    fn of(value: f32) -> Self;
}

impl Number for f32 {
    #[inline(always)]
    fn get(self) -> f32 {
        self
    }

    #[inline(always)]
    fn of(value: f32) -> Self {
        value
    }
}

impl Number for bf16 {
    #[inline(always)]
    fn get(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    /// To nearest, ties to even; NaN stays NaN.
    #[inline(always)]
    fn of(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16;
        Self::from_bits(if value.is_nan() { 0x7FC0 } else { rounded as u16 })
    }
}

/// Images (N, C, H, W) as numbers N×H×W×C, outside of any graph.
#[derive(Debug)]
pub struct Pixels {
    /// `channels_last`.
    images: Tensor,
    /// N, H, W and C.
    pub shape: [usize; 4],
}

impl Pixels {
    /// The pixels of a tensor: its own memory if that is `channels_last`, else a copy.
    pub fn of(images: &Tensor) -> Self {
        let by_pixel = by_pixel(&images.detach()).contiguous();
        let shape = by_pixel.size().iter().map(|&n| n as usize).collect::<Vec<_>>();
        let shape = shape.try_into().expect("images have four dimensions");
        Self { images: by_pixel.permute([0, 3, 1, 2]), shape }
    }

    /// Memory for pixels that are yet to be written.
    pub fn empty<T: Element>(shape: [usize; 4]) -> Self {
        let [n, height, width, channels] = shape.map(|n| n as i64);
        let strides = [height * width * channels, 1, width * channels, channels];
        let images = Tensor::empty_strided([n, channels, height, width], strides, (T::KIND, Device::Cpu));
        Self { images, shape }
    }

    /// Zeros, where vectors like them: from a multiple of 64 bytes on.
    pub fn zeros(shape: [usize; 4]) -> Self {
        let mut zeros = Self::empty::<f32>(shape);
        zeros.values_mut::<f32>().fill(0.0);
        zeros
    }

    /// N·H·W.
    pub fn n_pixels(&self) -> usize {
        self.shape[..3].iter().product()
    }

    /// As a tensor (N, C, H, W).
    pub fn into_images(self) -> Tensor {
        self.images
    }

    /// All numbers.
    pub fn values<T: Element>(&self) -> &[T] {
        assert!(self.images.kind() == T::KIND && by_pixel(&self.images).is_contiguous());
        // SAFETY: as many numbers of this kind lie there in one piece, for as long as the tensor is borrowed.
        unsafe { std::slice::from_raw_parts(self.images.data_ptr().cast(), self.images.numel()) }
    }

    /// All numbers, to be written: of memory that no other tensor has.
    pub fn values_mut<T: Element>(&mut self) -> &mut [T] {
        assert!(self.images.kind() == T::KIND && by_pixel(&self.images).is_contiguous());
        // SAFETY: as for `values`; `Pixels` that are borrowed mutably were made by `empty`.
        unsafe { std::slice::from_raw_parts_mut(self.images.data_ptr().cast(), self.images.numel()) }
    }
}

/// N×H×W×C, of N×C×H×W.
pub fn by_pixel(images: &Tensor) -> Tensor {
    images.permute([0, 2, 3, 1])
}

/// The numbers of a small tensor f32, such as one for each channel.
pub fn numbers(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.detach()).expect("a row of numbers")
}
