//! From bytes to what a network sees: u8 N×H×W×C on the way to the device, normalised floats in `channels_last` there.

use fixmatch::data::images_a_pass;
use fixmatch::data::preprocess::Preprocess;
use tch::{Device, Kind, Tensor};

use crate::host;
use crate::ops::Normalizer;

/// The way in.
#[derive(Debug)]
pub struct Input {
    height: i64,
    width: i64,
    channels: i64,
    device: Device,
    /// For the CPU.
    normalizer: Normalizer,
    /// (x − mean) / std, in the units of a byte: (C, 1, 1) f32 each.
    mean: Tensor,
    std: Tensor,
}

impl Input {
    /// The way in for images of this size, and how they are normalised.
    pub fn new(preprocess: &Preprocess, device: Device) -> Self {
        let Preprocess { width, height, channels, mean, std } = preprocess;
        let as_f32 = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
        let on_device = |values: &[f64]| {
            Tensor::from_slice(values).to_kind(Kind::Float).view([values.len() as i64, 1, 1]).to_device(device)
        };
        Self {
            height: *height as i64,
            width: *width as i64,
            channels: *channels as i64,
            device,
            normalizer: Normalizer::new(&as_f32(mean), &as_f32(std)),
            mean: on_device(mean),
            std: on_device(std),
        }
    }

    /// How many images pass through a network at once where no step says it.
    pub fn images_a_pass(&self) -> usize {
        images_a_pass((self.height * self.width) as usize)
    }

    /// Where tensors live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Images (N, C, H, W) f32 in `channels_last` of concatenated bytes N×H×W×C.
    pub fn images(&self, parts: &[&[u8]]) -> Tensor {
        if self.device == Device::Cpu {
            return self.normalizer.images(parts, [self.height, self.width, self.channels].map(|n| n as usize));
        }
        self.normalised(&self.bytes(parts))
    }

    /// Concatenated bytes (N, H, W, C) u8 on the device. Waits for nothing.
    pub fn bytes(&self, parts: &[&[u8]]) -> Tensor {
        let size = self.height * self.width * self.channels;
        let send = |part: &&[u8]| {
            let shape = [part.len() as i64 / size, self.height, self.width, self.channels];
            host::send(part, &shape, self.device)
        };
        let bytes: Vec<Tensor> = parts.iter().map(send).collect();
        if let [one] = &bytes[..] { one.shallow_clone() } else { Tensor::cat(&bytes, 0) }
    }

    /// Images (N, C, H, W) f32 in `channels_last` of bytes (N, H, W, C) u8 on a GPU.
    pub fn normalised(&self, bytes: &Tensor) -> Tensor {
        let mut images = bytes.permute([0, 3, 1, 2]).to_kind(Kind::Float); // strides of N×H×W×C
        let _ = images.g_sub_(&self.mean).g_div_(&self.std);
        images
    }

    /// Labels (N) i64.
    pub fn labels(&self, labels: &[i64]) -> Tensor {
        host::send(labels, &[labels.len() as i64], self.device)
    }
}

#[cfg(test)]
mod tests {
    use fixmatch::config::Normalize;
    use fixmatch::data::Images;

    use super::*;
    use crate::ops::at_every_level;

    fn images() -> Images {
        // two pixels of two images: channel 0 has 0 and 255, channel 1 is constant, channel 2 has 10 and 20
        let pixels = vec![0, 7, 10, 255, 7, 20];
        Images { width: 1, height: 1, channels: 3, pixels: pixels.into(), labels: vec![0, 1] }
    }

    fn channel(input: &Input, image: i64, channel: i64) -> f64 {
        input.images(&[&images().pixels]).double_value(&[image, channel, 0, 0])
    }

    #[test]
    fn bytes_become_numbers_as_the_preset_says() {
        let cases = [(Normalize::Unit, [-1.0, 1.0]), (Normalize::None, [0.0, 1.0]), (Normalize::MeanStd, [-1.0, 1.0])];
        for (normalize, expected) in cases {
            let input = Input::new(&Preprocess::of(&images(), normalize), Device::Cpu);
            at_every_level(|level| {
                let values = [channel(&input, 0, 0), channel(&input, 1, 0)];
                let are_near = values.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-6);
                assert!(are_near, "{normalize:?} {level:?}: {values:?}");
            });
        }
    }

    #[test]
    fn a_constant_channel_stays_finite() {
        let input = Input::new(&Preprocess::of(&images(), Normalize::MeanStd), Device::Cpu);
        assert_eq!(channel(&input, 0, 1), 0.0);
        assert!((channel(&input, 1, 2) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn parts_are_concatenated_in_order() {
        let input = Input::new(&Preprocess::of(&images(), Normalize::None), Device::Cpu);
        let pixels = images().pixels;
        let (joined, apart) = (input.images(&[&pixels]), input.images(&[&pixels[..3], &pixels[3..]]));
        assert!(joined.equal(&apart));
    }

    #[test]
    fn numbers_are_to_the_bit_what_libtorch_makes_of_bytes() {
        let (width, height, channels) = (5, 7, 3);
        let pixels: Vec<u8> = (0..20 * width * height * channels).map(|i| (i * i / 11 % 256) as u8).collect();
        let images = Images { width, height, channels, pixels: pixels.into(), labels: vec![0; 20] };
        let input = Input::new(&Preprocess::of(&images, Normalize::MeanStd), Device::Cpu);
        let bytes = Tensor::from_slice(&images.pixels).view([20, height as i64, width as i64, channels as i64]);
        let expected = (bytes.permute([0, 3, 1, 2]).to_kind(Kind::Float) - &input.mean) / &input.std;
        assert!(input.images(&[&images.pixels]).equal(&expected));
    }
}
