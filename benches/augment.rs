//! Views per second at the size of CIFAR-10: `cargo bench --no-default-features --bench augment`.
//!
//! On one core, each iteration makes a batch of views, each with its own key as in training, from images that differ. By
//! the loader's threads, it takes one whole batch: 64 labeled images, 448 unlabeled ones with two views each.

mod images;

use std::hint::black_box;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fixmatch::augment::{Filter, Op, Scratch, Strong, Weak};
use fixmatch::base::image::Image;
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::config::{self, Augment};
use fixmatch::data::Images;
use fixmatch::loader::{Loader, Source};

/// Enough views that the parameters' ranges are covered in each iteration.
const VIEWS: u64 = 1024;

const WEAK: Weak = Weak { flip: true, shift: true };

/// Measures `view(image, rng, scratch)` on a copy of one of the images.
fn measure(criterion: &mut Criterion, group: &str, name: &str, view: impl Fn(&mut Image, &mut Rng, &mut Scratch)) {
    let (images, mut image, mut scratch) = (images::make(64), Image::black(32, 32, 3), Scratch::default());
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(VIEWS));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            for index in 0..VIEWS {
                let mut rng = Rng::new(0, Stream::UnlabeledStrong, 0, index);
                image.pixels.copy_from_slice(&images[index as usize % images.len()].pixels);
                view(&mut image, &mut rng, &mut scratch);
                black_box(&mut image);
            }
        });
    });
    group.finish();
}

fn weak(criterion: &mut Criterion) {
    measure(criterion, "weak", "flip and shift", |image, rng, scratch| WEAK.draw(32, 32, rng).apply(image, scratch));
}

fn strong(criterion: &mut Criterion) {
    let policies =
        [config::Strong::None, config::Strong::Randaugment, config::Strong::Ctaugment, config::Strong::Autoaugment];
    for strong in policies {
        let policy = Strong::new(&Augment { strong, ..Augment::default() });
        let name = format!("{strong:?} and Cutout");
        measure(criterion, "strong", &name, |image, rng, scratch| policy.apply(image, rng, scratch));
    }
}

/// Each operation alone, with a parameter from the middle of its range; includes copying the image.
fn operations(criterion: &mut Criterion) {
    let operations = [
        Op::Autocontrast(0.5),
        Op::Blur(0.5),
        Op::Brightness(0.5),
        Op::Color(0.5),
        Op::Contrast(0.5),
        Op::Cutout { side: 0.5, x: 20, y: 20 },
        Op::Equalize(0.5),
        Op::Identity,
        Op::Invert(0.5),
        Op::Posterize(5),
        Op::Rescale(0.75, Filter::Lanczos),
        Op::Rescale(0.75, Filter::Bilinear),
        Op::Rescale(0.75, Filter::Nearest),
        Op::Rotate(15.0),
        Op::Sharpness(0.5),
        Op::ShearX(0.15),
        Op::ShearY(0.15),
        Op::Smooth(0.5),
        Op::Solarize(0.5),
        Op::TranslateX(0.15),
        Op::TranslateY(0.15),
    ];
    for op in operations {
        measure(criterion, "operation", &format!("{op:?}"), |image, _, scratch| op.apply(image, scratch));
    }
}

fn loader_threads(criterion: &mut Criterion) {
    let images = images::make(64);
    let pixels: Vec<u8> = images.iter().flat_map(|image| &image.pixels).copied().collect();
    let strong = Strong::new(&Augment::default());
    let source = Source {
        labeled: (0..40).collect(),
        unlabeled: (0..images.len() as u32).collect(),
        images: Arc::new(Images {
            width: 32,
            height: 32,
            channels: 3,
            pixels: pixels.into(),
            labels: vec![0; images.len()],
        }),
        n_labeled: 64,
        n_unlabeled: 448,
        weak: strong.weak,
        strong,
        seed: 0,
    };
    let n_cores = available_parallelism().map_or(1, NonZero::get);
    let mut group = criterion.benchmark_group("loader");
    group.throughput(Throughput::Elements((source.n_labeled + 2 * source.n_unlabeled) as u64));
    for n_threads in (0..).map(|power| 1 << power).take_while(|&n| n <= n_cores) {
        let mut loader = Loader::start(&source, 0, n_threads).expect("threads");
        group.bench_function(format!("{n_threads} threads"), |bencher| {
            bencher.iter(|| loader.next_batch().expect("a batch"));
        });
    }
    group.finish();
}

criterion_group!(benches, weak, strong, operations, loader_threads);
criterion_main!(benches);
