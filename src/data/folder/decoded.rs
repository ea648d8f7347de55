//! Image files as pixels of one size, decoded on all cores.

use anyhow::{Result, bail};

use super::tally::{Remark, Tally};
use super::{Entry, refused};
use crate::base::image::Image;
use crate::base::text::Shown as _;
use crate::data::Place;
use crate::data::decode::{self, Decoded, Fault, Wanted};

/// Decodes every file, on all cores; gray images become RGB if there is one RGB image.
///
/// # Errors
/// If some are damaged, with their names; else if one has another size than the first.
pub fn all(entries: &[Entry], place: &Place, tally: &mut Tally) -> Result<Vec<Image>> {
    let wanted = Wanted { resize: place.resize.map(|side| (side, side)), fit: place.fit, background: place.background };
    let n_threads = std::thread::available_parallelism().map_or(1, Into::into);
    let chunk_len = entries.len().div_ceil(n_threads);
    let decoded: Vec<Result<Decoded, Fault>> = std::thread::scope(|scope| {
        let wanted = &wanted;
        let start = |chunk: &[Entry]| chunk.iter().map(|entry| decode::read(&entry.path, wanted)).collect::<Vec<_>>();
        let threads: Vec<_> = entries.chunks(chunk_len).map(|chunk| scope.spawn(move || start(chunk))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("decoding an image does not panic")).collect()
    });
    let mut images = Vec::with_capacity(entries.len());
    let mut faults = Vec::new();
    for (decoded, Entry { path, .. }) in decoded.into_iter().zip(entries) {
        match decoded {
            Ok(Decoded { image, is_turned, is_transparent, has_more, .. }) => {
                let done = [
                    (is_turned, Remark::Turned),
                    (is_transparent, Remark::Transparent),
                    (has_more, Remark::FirstOfSeveral),
                ];
                done.into_iter().filter(|(was, _)| *was).for_each(|(_, remark)| tally.add(remark, path));
                images.push(image);
            }
            Err(fault) => faults.push(format!("{} {fault}", path.shown())),
        }
    }
    refused(&faults, entries.len(), if faults.len() == 1 { "mend or remove it" } else { "mend or remove them" })?;
    tally.n_read = images.len();
    refuse_sizes(&images, entries)?;
    unify_channels(&mut images);
    Ok(images)
}

/// Refuses images of more than one size.
fn refuse_sizes(images: &[Image], entries: &[Entry]) -> Result<()> {
    let (first, first_path) = (&images[0], entries[0].path.shown());
    let of_other_size = |image: &Image| (image.width, image.height) != (first.width, first.height);
    if let Some(place) = images.iter().position(of_other_size) {
        let (image, path) = (&images[place], entries[place].path.shown());
        bail!(
            "{first_path} has {}×{} pixels but {path} has {}×{}: set data.resize to make all images one size",
            first.width,
            first.height,
            image.width,
            image.height,
        );
    }
    Ok(())
}

/// Makes gray images RGB if there is one RGB image.
fn unify_channels(images: &mut [Image]) {
    if images.iter().all(|image| image.channels == 1) {
        return;
    }
    for image in images.iter_mut().filter(|image| image.channels == 1) {
        image.pixels = image.pixels.iter().flat_map(|&gray| [gray; 3]).collect();
        image.channels = 3;
    }
}
