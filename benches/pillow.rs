//! Our strong views beside a plain Pillow loop of the same draws: `cargo bench --no-default-features --bench pillow`.
//!
//! Both make the same views of the same images, in turns, on one core each; their pixels are compared. Ours draws them
//! too, Pillow is given the draws (`benches/pillow_loop.py`). Needs a Python with Pillow and numpy: `$FIXMATCH_PYTHON`,
//! else the one that `make bench-setup` makes.

#![expect(clippy::disallowed_macros, reason = "a report")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use fixmatch::augment::{Op, Scratch, Strong};
use fixmatch::base::image::Image;
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::config::{self, Augment};

mod images;
#[path = "python.rs"]
mod python;

const VIEWS: u64 = 4096;
const IMAGES: usize = 64;
/// Turns, of which the median counts.
const TURNS: usize = 5;
/// How long one of our turns lasts at least.
const LONG_ENOUGH: Duration = Duration::from_millis(300);

fn main() {
    let Some(python) = python::with(&["numpy", "PIL"]) else {
        println!("skipped: no Python with Pillow and numpy; `make bench-setup` makes one, or set FIXMATCH_PYTHON");
        return;
    };
    let images = images::make(IMAGES);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bytes: Vec<u8> = images.iter().flat_map(|image| &image.pixels).copied().collect();
    std::fs::write(folder.path().join("images"), bytes).expect("written");
    println!("{:<24}{:>12}{:>12}{:>8}", "strong views/s", "fixmatch", "Pillow", "ratio");
    let policies = [config::Strong::Randaugment, config::Strong::Ctaugment, config::Strong::Autoaugment];
    for strong in policies {
        let policy = Strong::new(&Augment { strong, ..Augment::default() });
        compare(&format!("{strong:?}"), &policy, &images, &python, folder.path());
    }
}

fn compare(name: &str, policy: &Strong, images: &[Image], python: &Path, folder: &Path) {
    std::fs::write(folder.join("draws"), write_draws(policy)).expect("written");
    let mut turns: Vec<[f64; 2]> = (0..TURNS)
        .map(|_| {
            let (ours, our_pixels) = measure_ours(policy, images);
            let (pillows, its_pixels) = measure_pillow(python, folder);
            assert_eq!(our_pixels, its_pixels, "{name}: the pixels differ");
            [ours, pillows]
        })
        .collect();
    turns.sort_by(|a, b| (a[0] / a[1]).total_cmp(&(b[0] / b[1])));
    let [ours, pillows] = turns[TURNS / 2];
    println!("{name:<24}{ours:>12.0}{pillows:>12.0}{:>8.1}", ours / pillows);
}

/// Views per second, and the CRC-32 of their pixels.
fn measure_ours(policy: &Strong, images: &[Image]) -> (f64, u32) {
    let (mut image, mut scratch) = (Image::black(32, 32, 3), Scratch::default());
    let mut pass = |mut seen: Option<&mut flate2::Crc>| {
        for index in 0..VIEWS {
            image.pixels.copy_from_slice(&images[index as usize % IMAGES].pixels);
            policy.apply(&mut image, &mut view_rng(index), &mut scratch);
            std::hint::black_box(&mut image);
            if let Some(crc) = &mut seen {
                crc.update(&image.pixels);
            }
        }
    };
    let mut crc = flate2::Crc::new();
    pass(Some(&mut crc));
    let (begun, mut n) = (Instant::now(), 0);
    while begun.elapsed() < LONG_ENOUGH {
        pass(None);
        n += VIEWS;
    }
    (n as f64 / begun.elapsed().as_secs_f64(), crc.sum())
}

fn measure_pillow(python: &Path, folder: &Path) -> (f64, u32) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pillow_loop.py");
    let output = Command::new(python).arg(script).args(["images", "draws"]).current_dir(folder).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let (per_s, crc) = text.trim().split_once(' ').expect("two numbers");
    (per_s.parse().expect("a number"), crc.parse().expect("a number"))
}

fn view_rng(index: u64) -> Rng {
    Rng::new(0, Stream::UnlabeledStrong, 0, index)
}

/// The draws of all views, a line each.
fn write_draws(policy: &Strong) -> String {
    let mut text = String::new();
    for index in 0..VIEWS {
        let draw = policy.draw(32, 32, &mut view_rng(index));
        let weak = draw.weak;
        write!(text, "{} {} {} {}", index as usize % IMAGES, u8::from(weak.flip), weak.dx, weak.dy).expect("written");
        for op in draw.ops.iter().chain([&draw.cutout]).filter(|&&op| op != Op::Identity) {
            write!(text, " {op}").expect("written");
        }
        text.push('\n');
    }
    text
}
