//! Decoded images that are kept for the next time: never trusted when they are damaged, or of files that changed.

use std::fs::{self, File, FileTimes};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fixmatch::config::Data;
use fixmatch::data::means::{Means, NONE};
use fixmatch::data::{self, Dataset, cache};
use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use super::{data_in, folder, write};

/// A folder of six images with noise, and a cache of its own.
struct Kept {
    root: TempDir,
    cache: TempDir,
    most_held: u64,
}

impl Kept {
    fn new() -> Self {
        let kept = Self { root: folder(), cache: folder(), most_held: u64::MAX };
        for name in ["train/cat/1", "train/cat/2", "train/dog/1", "test/cat/1", "test/dog/1", "unlabeled/1"] {
            kept.save(&format!("{name}.pgm"), name.len() as u32 + name.as_bytes()[7] as u32);
        }
        kept
    }

    fn save(&self, name: &str, seed: u32) {
        let image = GrayImage::from_fn(9, 7, |x, y| Luma([(x * 31 + y * 17 + seed * (x + 1)) as u8]));
        write(&self.root.path().join(name), b"");
        image.save(self.root.path().join(name)).expect("written");
    }

    fn read_as(&self, data: &Data) -> anyhow::Result<Dataset> {
        let means =
            Means { cache: Some(self.cache.path().into()), limit: u64::MAX, most_held: self.most_held, watch: None };
        data::load_with(data, Path::new("unused"), &means)
    }

    /// The folder, and how many images of it were decoded; they are as without a cache.
    fn read(&self) -> (Dataset, usize) {
        let data = data_in(self.root.path());
        let dataset = self.read_as(&data).expect("a good folder");
        let plain = data::load_with(&data, Path::new("unused"), &NONE).expect("a good folder");
        assert_eq!((&dataset.digest, &dataset.read), (&plain.digest, &plain.read));
        let [own, plain] = [&dataset, &plain].map(|of| of.own.as_ref().expect("files"));
        assert_eq!((&own.prints, &own.reading.trouble), (&plain.prints, &None));
        let n = own.reading.n_decoded;
        (dataset, n)
    }

    fn n_decoded(&self) -> usize {
        self.read().1
    }

    fn file(&self) -> PathBuf {
        let files = cache::list(self.cache.path());
        assert_eq!(files.len(), 1);
        files[0].file.clone()
    }
}

#[test]
fn a_second_reading_decodes_nothing_and_comes_to_the_same() {
    let kept = Kept::new();
    assert_eq!([kept.n_decoded(), kept.n_decoded(), kept.n_decoded()], [6, 0, 0]);
    let head = cache::list(kept.cache.path())[0].head.clone().expect("whole");
    assert_eq!((head.path, head.n, head.width, head.height, head.channels), (kept.root.path().into(), 6, 9, 7, 1));
}

#[test]
fn only_what_is_new_or_changed_is_decoded() {
    let kept = Kept::new();
    assert_eq!(kept.n_decoded(), 6);
    kept.save("train/dog/0.pgm", 3);
    assert_eq!([kept.n_decoded(), kept.n_decoded()], [1, 0], "one more");
    fs::rename(kept.root.path().join("train/dog/0.pgm"), kept.root.path().join("test/dog/0.pgm")).expect("moved");
    assert_eq!([kept.n_decoded(), kept.n_decoded()], [1, 0], "moved");
    fs::remove_file(kept.root.path().join("test/dog/0.pgm")).expect("there");
    assert_eq!([kept.n_decoded(), kept.n_decoded()], [0, 0], "one less");
    // other pixels of the same length, and the time set back
    let path = kept.root.path().join("train/dog/1.pgm");
    let then = fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("a time");
    let mut bytes = fs::read(&path).expect("there");
    *bytes.last_mut().expect("pixels") ^= 255;
    fs::write(&path, bytes).expect("written");
    File::options().write(true).open(&path).and_then(|file| file.set_modified(then)).expect("set back");
    assert_eq!([kept.n_decoded(), kept.n_decoded()], [1, 0], "changed");
}

#[test]
fn whoever_is_interrupted_decodes_no_more_than_half_of_it_again() {
    let kept = Kept::new();
    for i in 0..1300 {
        kept.save(&format!("train/dog/more-{i}.pgm"), i);
    }
    let interrupt = |n_done, _| assert!(n_done < 1200, "somebody pulls the plug");
    let (cache, limit) = (Some(kept.cache.path().into()), u64::MAX);
    let means = Means { cache, limit, most_held: u64::MAX, watch: Some(&interrupt) };
    let data = data_in(kept.root.path());
    let read = AssertUnwindSafe(|| data::load_with(&data, Path::new("unused"), &means));
    assert!(catch_unwind(read).is_err());
    assert_eq!([kept.n_decoded(), kept.n_decoded()], [1306 - 1024, 0]);
}

#[test]
fn one_image_in_colour_makes_all_kept_ones_rgb_and_they_turn_gray_again() {
    let kept = Kept::new();
    assert_eq!(kept.n_decoded(), 6);
    let path = kept.root.path().join("test/dog/2.ppm");
    RgbImage::from_pixel(9, 7, Rgb([1, 2, 3])).save(&path).expect("written");
    let (dataset, n) = kept.read();
    assert_eq!((dataset.train.channels, n, kept.n_decoded()), (3, 1, 0));
    fs::remove_file(&path).expect("there");
    let (dataset, n) = kept.read();
    assert_eq!((dataset.train.channels, n, kept.n_decoded()), (1, 0, 0));
}

#[test]
fn settings_of_their_own_are_kept_apart() {
    let kept = Kept::new();
    let with = |resize, fit| Data { resize, fit, ..data_in(kept.root.path()) };
    let all =
        [with(None, None), with(Some(8), None), with(Some(16), None), with(Some(8), Some(fixmatch::config::Fit::Crop))];
    let n_decoded = |data: &Data| kept.read_as(data).expect("a good folder").own.expect("files").reading.n_decoded;
    assert_eq!([&all, &all].map(|all| all.iter().map(n_decoded).sum::<usize>()), [24, 0]);
    assert_eq!(cache::list(kept.cache.path()).len(), 4);
    // the split is none of what is kept
    let seed = Data { holdout: Some(0.5), ..with(None, None) };
    assert!(kept.read_as(&seed).is_err(), "there are test images");
}

#[test]
fn what_is_damaged_or_half_written_is_decoded_again() {
    let kept = Kept::new();
    assert_eq!(kept.n_decoded(), 6);
    let file = kept.file();
    let whole = fs::read(&file).expect("written");
    for n in (0..whole.len()).step_by(5) {
        fs::write(&file, &whole[..n]).expect("cut");
        assert_eq!(kept.n_decoded(), 6, "{n} of {} bytes", whole.len());
    }
    fs::write(&file, [&whole[..], b"more"].concat()).expect("longer");
    assert_eq!(kept.n_decoded(), 6);
    for place in (16..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        fs::write(&file, changed).expect("changed");
        let n = kept.n_decoded();
        assert!(n == 1 || n == 6, "byte {place}: {n}");
    }
    fs::remove_file(&file).expect("there");
    fs::create_dir(&file).expect("a folder in its place");
    let own = kept.read_as(&data_in(kept.root.path())).expect("a good folder").own.expect("files");
    assert!(own.reading.trouble.expect("told").starts_with("decoded images cannot be kept in "));
}

#[test]
fn without_room_for_a_cache_images_are_decoded_each_time_and_that_is_told() {
    let kept = Kept::new();
    let file = kept.cache.path().join("file");
    write(&file, b"");
    let means = Means { cache: Some(file.join("images")), limit: 1, most_held: u64::MAX, watch: None };
    for _ in 0..2 {
        let dataset = data::load_with(&data_in(kept.root.path()), Path::new("unused"), &means).expect("a good folder");
        let told = dataset.warnings.last().expect("told").clone();
        assert!(told.starts_with("decoded images cannot be kept in ") && told.contains("Not a directory"), "{told}");
        assert_eq!((dataset.own.expect("files").reading.n_decoded, dataset.digest), (6, kept.read().0.digest));
    }
}

#[test]
fn what_does_not_fit_into_memory_is_read_from_the_file() {
    let mut kept = Kept::new();
    let held = kept.read().0;
    kept.most_held = 100;
    let (mapped, n) = kept.read();
    assert_eq!((n, &mapped.digest), (0, &held.digest));
    assert!(mapped.train.pixels.are_mapped() && mapped.test.pixels.are_mapped() && !held.train.pixels.are_mapped());
    assert!(mapped.warnings.last().expect("told").ends_with("they are read from the cache as they are needed"));
    let all = mapped.train.followed_by(mapped.unlabeled);
    assert!(all.pixels.are_mapped());
    assert_eq!(all, held.train.followed_by(held.unlabeled));
    // it goes on while the file is replaced and removed
    kept.save("train/dog/0.pgm", 3);
    assert_eq!(kept.n_decoded(), 1);
    fs::remove_file(kept.file()).expect("there");
    assert_eq!(all.image(0).pixels.len(), 63);
    let mut damaged = Kept::new();
    damaged.most_held = 100;
    assert_eq!(damaged.n_decoded(), 6);
    let mut bytes = fs::read(damaged.file()).expect("written");
    bytes[20] ^= 1;
    fs::write(damaged.file(), bytes).expect("changed");
    assert_eq!(damaged.n_decoded(), 1);
}

#[test]
fn beside_a_damaged_image_the_others_are_kept() {
    let kept = Kept::new();
    write(&kept.root.path().join("train/dog/9.pgm"), b"P5 9 7 255\n short");
    assert!(kept.read_as(&data_in(kept.root.path())).is_err());
    kept.save("train/dog/9.pgm", 1);
    assert_eq!([kept.n_decoded(), kept.n_decoded()], [1, 0]);
}

#[test]
fn damaged_images_are_told_each_time() {
    let kept = Kept::new();
    assert_eq!(kept.n_decoded(), 6);
    write(&kept.root.path().join("train/dog/9.pgm"), b"P5 9 7 255\n short");
    for _ in 0..2 {
        let error = format!("{:#}", kept.read_as(&data_in(kept.root.path())).expect_err("damaged"));
        assert!(error.contains("train/dog/9.pgm ") && error.ends_with("; mend or remove it"), "{error}");
    }
    fs::remove_file(kept.root.path().join("train/dog/9.pgm")).expect("there");
    kept.save("train/dog/9.pgm", 1);
    RgbImage::new(3, 3).save(kept.root.path().join("train/dog/8.ppm")).expect("written");
    let error = format!("{:#}", kept.read_as(&data_in(kept.root.path())).expect_err("of two sizes"));
    assert!(error.ends_with("has 3×3: set data.resize to make all images one size"), "{error}");
}

#[test]
fn the_least_recently_used_leave_first() {
    let cache = folder();
    let all: Vec<_> = (0..3)
        .map(|i| {
            let kept = Kept { cache: folder(), ..Kept::new() };
            assert_eq!(kept.n_decoded(), 6);
            let to = cache.path().join(format!("{i}.images"));
            fs::rename(kept.file(), &to).expect("moved");
            let times = FileTimes::new().set_modified(SystemTime::now() - Duration::from_hours(24 * (3 - i)));
            File::options().write(true).open(&to).and_then(|file| file.set_times(times)).expect("set");
            to
        })
        .collect();
    let n_bytes = fs::metadata(&all[0]).expect("there").len();
    let left = || all.iter().map(|file| file.exists()).collect::<Vec<_>>();
    cache::make_room(cache.path(), 3 * n_bytes + 100);
    assert_eq!(left(), [true, true, true]);
    cache::make_room(cache.path(), 2 * n_bytes + 10);
    assert_eq!(left(), [false, true, true]);
    cache::make_room(cache.path(), 0);
    assert_eq!(left(), [false, false, true], "the last one stays");
    let aside = cache.path().join(".x.images-aside");
    write(&aside, b"half");
    assert!(cache::list(cache.path()).len() == 1 && cache::Writer::new(&all[0]).is_ok() && !aside.exists());
}
