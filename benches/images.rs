//! Images for benchmarks of augmentation.

use fixmatch::base::image::Image;
use fixmatch::base::rng::{Rng, Stream};

/// A slope with noise: what matters to the operations' speed is only that the values vary.
pub fn make(n: usize) -> Vec<Image> {
    let mut rng = Rng::new(0, Stream::UnlabeledOrder, 0, 0);
    let mut make = |_| Image::new(32, 32, 3, (0..3072).map(|i| (i / 20 + rng.below(100)) as u8).collect());
    (0..n).map(&mut make).collect()
}
