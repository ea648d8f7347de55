//! The image operations against Pillow, and what holds for all of them.
//!
//! The goldens are made by `tests/golden/make_augment.py`. Set `AUGMENT_GOLDENS` to another file of its making, for
//! instance one of many random cases, to compare that instead.

#![expect(clippy::disallowed_macros, reason = "for whoever runs it with --nocapture")]

use fixmatch::augment::{Filter, Op, Scratch, Strong, StrongPolicy, Weak, WeakDraw};
use fixmatch::base::image::Image;
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::config::{self, Augment, Table};
use proptest::prelude::*;

const CHOSEN: &str = include_str!("golden/augment.txt");

const PAPER: Strong = Strong { weak: Weak { flip: true, shift: true }, policy: StrongPolicy::RANDAUGMENT, cutout: 0.5 };

/// One byte of an input image; `value` in `make_augment.py` is the same.
fn pattern_value(pattern: &str, seed: usize, [x, y, c]: [usize; 3], index: usize) -> u8 {
    let hash = (index as u32).wrapping_mul(2_654_435_761).wrapping_add(seed as u32 * 40_503);
    let noise = (hash ^ (hash >> 15)).wrapping_mul(2_246_822_519) >> 24;
    match pattern {
        "noise" => noise as u8,
        "dark" => (noise * noise / 255) as u8,
        "slope" => (40 + (3 * x + 2 * y + 29 * c + seed) % 150) as u8,
        "flat" => ((53 * seed + 70 * c) % 256) as u8,
        _ => panic!("no pattern {pattern}"),
    }
}

fn make_image([width, height, channels]: [usize; 3], pattern: &str, seed: usize) -> Image {
    let place = |i: usize| [i / channels % width, i / channels / width, i % channels];
    let pixels = (0..width * height * channels).map(|i| pattern_value(pattern, seed, place(i), i)).collect();
    Image::new(width, height, channels, pixels)
}

fn parse_op(name: &str, parameter: &str, width: usize) -> Op {
    let number = || parameter.parse().expect("a parameter is a number");
    match name {
        "Autocontrast" => Op::Autocontrast(number()),
        "Blur" => Op::Blur(number()),
        "Brightness" => Op::Brightness(number()),
        "Color" => Op::Color(number()),
        "Contrast" => Op::Contrast(number()),
        "Cutout" => parse_cutout(parameter, width),
        "Equalize" => Op::Equalize(number()),
        "Identity" => Op::Identity,
        "Invert" => Op::Invert(number()),
        "Posterize" => Op::Posterize(number() as u8),
        "Rescale" => parse_rescale(parameter),
        "Rotate" => Op::Rotate(number()),
        "Sharpness" => Op::Sharpness(number()),
        "ShearX" => Op::ShearX(number()),
        "ShearY" => Op::ShearY(number()),
        "Smooth" => Op::Smooth(number()),
        "Solarize" => Op::Solarize(number()),
        "TranslateX" => Op::TranslateX(number()),
        "TranslateY" => Op::TranslateY(number()),
        _ => panic!("no operation {name}"),
    }
}

/// The goldens give the side in pixels.
fn parse_cutout(parameter: &str, width: usize) -> Op {
    let numbers: Vec<usize> = parameter.split('/').map(|n| n.parse().expect("whole numbers")).collect();
    Op::Cutout { side: numbers[0] as f64 / width as f64, x: numbers[1], y: numbers[2] }
}

fn parse_rescale(parameter: &str) -> Op {
    let (side, filter) = parameter.split_once('/').expect("a side and a filter");
    let filter = match filter {
        "lanczos" => Filter::Lanczos,
        "bicubic" => Filter::Bicubic,
        "bilinear" => Filter::Bilinear,
        "box" => Filter::Box,
        "hamming" => Filter::Hamming,
        "nearest" => Filter::Nearest,
        _ => panic!("no filter {filter}"),
    };
    Op::Rescale(side.parse().expect("a number"), filter)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn crc32(bytes: &[u8]) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    format!("{:08x}", crc.sum())
}

/// Describes the mismatches of one golden line, and counts its cases.
fn check_line(line: &str, scratch: &mut Scratch, mismatches: &mut Vec<String>) -> usize {
    let fields: Vec<&str> = line.split(' ').collect();
    let [name, width, height, channels, pattern, seed, outcomes @ ..] = fields.as_slice() else {
        panic!("not a golden: {line}");
    };
    let [width, height, channels, seed] = [width, height, channels, seed].map(|n| n.parse().expect("whole numbers"));
    let input = make_image([width, height, channels], pattern, seed);
    for outcome in outcomes {
        let (parameter, expected) = outcome.split_once([':', '=']).expect("a parameter and an output");
        let mut image = input.clone();
        parse_op(name, parameter, width).apply(&mut image, scratch);
        let found = if outcome.contains('=') { hex(&image.pixels) } else { crc32(&image.pixels) };
        if found != expected {
            mismatches.push(format!("{name}({parameter}) on {width}×{height}×{channels} {pattern} {seed}: {found}"));
        }
    }
    outcomes.len()
}

#[test]
fn every_operation_gives_pillows_pixels() {
    let other = std::env::var_os("AUGMENT_GOLDENS").map(|path| std::fs::read_to_string(path).expect("a golden file"));
    let goldens = other.as_deref().unwrap_or(CHOSEN);
    let (mut scratch, mut mismatches) = (Scratch::default(), Vec::new());
    let lines = goldens.lines().filter(|line| !line.starts_with('#'));
    let cases: usize = lines.map(|line| check_line(line, &mut scratch, &mut mismatches)).sum();
    println!("{cases} cases");
    assert!(mismatches.is_empty(), "{} of {cases} differ:\n{}", mismatches.len(), mismatches.join("\n"));
}

/// The weak view as the paper words it, pixel by pixel: mirror, pad by reflection, crop.
fn weak_by_definition(image: &Image, draw: WeakDraw) -> Image {
    let reflect = |position: isize, length: usize| {
        let distance = position.unsigned_abs();
        if distance < length { distance } else { 2 * (length - 1) - distance }
    };
    let mut output = image.clone();
    let pixels = output.pixels.chunks_exact_mut(image.channels);
    for (index, pixel) in pixels.enumerate() {
        let column = reflect((index % image.width) as isize + draw.dx, image.width);
        let row = reflect((index / image.width) as isize + draw.dy, image.height);
        let column = if draw.flip { image.width - 1 - column } else { column };
        let start = (row * image.width + column) * image.channels;
        pixel.copy_from_slice(&image.pixels[start..][..image.channels]);
    }
    output
}

fn check_weak_row(draw: WeakDraw, expected: [u8; 5]) {
    let mut image = Image::new(5, 1, 1, vec![1, 2, 3, 4, 5]);
    draw.apply(&mut image, &mut Scratch::default());
    assert_eq!(image.pixels, expected, "{draw:?}");
}

#[test]
fn the_weak_view_mirrors_then_shifts_and_reflects_without_repeating_the_edge() {
    check_weak_row(WeakDraw { flip: false, dx: 0, dy: 0 }, [1, 2, 3, 4, 5]);
    check_weak_row(WeakDraw { flip: true, dx: 0, dy: 0 }, [5, 4, 3, 2, 1]);
    check_weak_row(WeakDraw { flip: false, dx: 2, dy: 0 }, [3, 4, 5, 4, 3]);
    check_weak_row(WeakDraw { flip: false, dx: -2, dy: 0 }, [3, 2, 1, 2, 3]);
    check_weak_row(WeakDraw { flip: true, dx: 2, dy: 0 }, [3, 2, 1, 2, 3]);
    check_weak_row(WeakDraw { flip: true, dx: -1, dy: 0 }, [4, 5, 4, 3, 2]);
}

fn view_rng(index: u64) -> Rng {
    Rng::new(1, Stream::UnlabeledStrong, 0, index)
}

fn check_offsets(side: usize, padding: isize) {
    let weak = Weak { flip: false, shift: true };
    let offsets: Vec<isize> = (0..2_000).map(|index| weak.draw(side, 32, &mut view_rng(index)).dx).collect();
    for offset in -padding..=padding {
        assert!(offsets.contains(&offset), "{offset} is never drawn for {side} pixels");
    }
    assert!(offsets.iter().all(|offset| offset.abs() <= padding), "{side} pixels are padded by {padding}");
}

#[test]
fn the_weak_shift_reaches_an_eighth_of_the_side() {
    check_offsets(1, 0);
    check_offsets(3, 0);
    check_offsets(4, 1);
    check_offsets(28, 4);
    check_offsets(32, 4);
    check_offsets(96, 12);
}

#[test]
fn flip_and_shift_can_be_turned_off_on_their_own() {
    for index in 0..100 {
        let draw = |flip, shift| Weak { flip, shift }.draw(32, 32, &mut view_rng(index));
        let both = draw(true, true);
        assert_eq!(draw(true, false), WeakDraw { dx: 0, dy: 0, ..both });
        assert_eq!(draw(false, true), WeakDraw { flip: false, ..both });
        assert_eq!(draw(false, false), WeakDraw::default());
    }
}

/// The ranges of the paper's table; a parameter of an operation that has none is 0.
fn name_parameter_and_range(op: Op) -> (&'static str, f64, [f64; 2]) {
    match op {
        Op::Autocontrast(p) => ("Autocontrast", p, [1.0; 2]),
        Op::Brightness(p) => ("Brightness", p, [0.05, 0.95]),
        Op::Color(p) => ("Color", p, [0.05, 0.95]),
        Op::Contrast(p) => ("Contrast", p, [0.05, 0.95]),
        Op::Equalize(p) => ("Equalize", p, [1.0; 2]),
        Op::Identity => ("Identity", 0.0, [0.0; 2]),
        Op::Posterize(bits) => ("Posterize", f64::from(bits), [4.0, 8.0]),
        Op::Rotate(p) => ("Rotate", p, [-30.0, 30.0]),
        Op::Sharpness(p) => ("Sharpness", p, [0.05, 0.95]),
        Op::ShearX(p) => ("ShearX", p, [-0.3, 0.3]),
        Op::ShearY(p) => ("ShearY", p, [-0.3, 0.3]),
        Op::Solarize(p) => ("Solarize", p, [0.0, 1.0]),
        Op::TranslateX(p) => ("TranslateX", p, [-0.3, 0.3]),
        Op::TranslateY(p) => ("TranslateY", p, [-0.3, 0.3]),
        Op::Blur(_) | Op::Cutout { .. } | Op::Invert(_) | Op::Rescale(..) | Op::Smooth(_) => {
            panic!("RandAugment draws no {op:?}")
        }
    }
}

#[test]
fn randaugment_draws_each_of_fourteen_operations_over_its_whole_range() {
    let mut seen = std::collections::BTreeMap::<&str, Vec<f64>>::new();
    let mut ranges = std::collections::BTreeMap::new();
    for op in (0..7_000).flat_map(|index| PAPER.draw(32, 32, &mut view_rng(index)).ops.into_iter().take(2)) {
        let (name, parameter, range) = name_parameter_and_range(op);
        seen.entry(name).or_default().push(parameter);
        ranges.insert(name, range);
    }
    assert_eq!(seen.len(), 14);
    for (name, [low, high]) in ranges {
        let drawn = &seen[name];
        // 1,000 expected, standard deviation 30
        assert!((850..1_150).contains(&drawn.len()), "{name} is drawn {} times", drawn.len());
        assert!(drawn.iter().all(|p| (low..=high).contains(p)), "{name} leaves its range");
        let (least, most) = (drawn.iter().copied().fold(high, f64::min), drawn.iter().copied().fold(low, f64::max));
        assert!(most - least >= 0.98 * (high - low), "{name} covers {least} to {most}");
    }
}

#[test]
fn the_depth_is_the_number_of_operations() {
    for (depth, strong) in
        [1, 2, 4].into_iter().zip([config::Strong::Randaugment, config::Strong::Ctaugment].into_iter().cycle())
    {
        let policy = Strong::new(&Augment { strong, depth, ..Augment::default() });
        let most = (0..500).map(|index| {
            let ops = policy.draw(32, 32, &mut view_rng(index)).ops;
            ops.iter().filter(|&&op| op != Op::Identity).count()
        });
        assert_eq!(most.max(), Some(depth as usize), "{strong:?}");
    }
}

#[test]
fn cutout_is_half_the_width_last_and_anywhere_in_the_image() {
    let mut centres = std::collections::BTreeSet::new();
    for index in 0..3_000 {
        let Op::Cutout { side: 0.5, x, y } = PAPER.draw(32, 16, &mut view_rng(index)).cutout else {
            panic!("the paper cuts out half of the width");
        };
        assert!(x < 32 && y < 16);
        centres.insert((x, y));
    }
    // 3,000 draws leave one or two of the 512 pixels out.
    assert!(centres.len() > 500, "{} centres", centres.len());
}

#[test]
fn a_strong_view_with_all_turned_off_is_the_image() {
    let off = Strong { weak: Weak { flip: false, shift: false }, policy: StrongPolicy::None, cutout: 0.0 };
    let image = make_image([9, 7, 3], "noise", 0);
    let mut view = image.clone();
    off.apply(&mut view, &mut view_rng(0), &mut Scratch::default());
    assert_eq!(view, image);
}

#[test]
fn identity_parameters_change_nothing() {
    let identities = [
        Op::Autocontrast(0.0),
        Op::Blur(0.0),
        Op::Brightness(1.0),
        Op::Color(1.0),
        Op::Contrast(1.0),
        Op::Cutout { side: 0.0, x: 3, y: 2 },
        Op::Equalize(0.0),
        Op::Identity,
        Op::Invert(0.0),
        Op::Posterize(8),
        Op::Rescale(1.0, Filter::Lanczos),
        Op::Rescale(1.0, Filter::Nearest),
        Op::Rotate(0.0),
        Op::Rotate(-360.0),
        Op::Sharpness(1.0),
        Op::ShearX(0.0),
        Op::ShearY(0.0),
        Op::Smooth(1.0),
        Op::TranslateX(0.0),
        Op::TranslateY(0.0),
    ];
    for shape in [[1, 1, 1], [5, 4, 3], [32, 32, 3], [512, 3, 1]] {
        for op in identities {
            let image = make_image(shape, "noise", 2);
            let mut output = image.clone();
            op.apply(&mut output, &mut Scratch::default());
            assert_eq!(output, image, "{op:?}");
        }
    }
}

prop_compose! {
    fn images()(width in 1..40_usize, height in 1..40_usize, channels in prop::sample::select(vec![1, 3]), seed in 0..99_usize)
        -> Image { make_image([width, height, channels], "noise", seed) }
}

/// Every policy with every table.
fn policies() -> Vec<Strong> {
    let policy = |strong, table| Strong::new(&Augment { strong, table, depth: 3, ..Augment::default() });
    let all =
        [config::Strong::None, config::Strong::Randaugment, config::Strong::Ctaugment, config::Strong::Autoaugment];
    all.into_iter().flat_map(|strong| [Table::Paper, Table::Reference].map(|table| policy(strong, table))).collect()
}

fn strong_view(policy: &Strong, image: &Image, index: u64, scratch: &mut Scratch) -> Image {
    let mut view = image.clone();
    policy.apply(&mut view, &mut view_rng(index), scratch);
    view
}

proptest! {
    #[test]
    fn a_weak_view_is_what_its_definition_says(image in images(), index: u64) {
        let draw = PAPER.weak.draw(image.width, image.height, &mut view_rng(index));
        let mut view = image.clone();
        draw.apply(&mut view, &mut Scratch::default());
        prop_assert_eq!(view, weak_by_definition(&image, draw));
    }

    #[test]
    fn a_strong_view_keeps_the_shape_and_depends_on_its_image_and_key_alone(image in images(), other in images(), index: u64) {
        for policy in policies() {
            let mut used = Scratch::default();
            strong_view(&policy, &other, index ^ 1, &mut used);
            let first = strong_view(&policy, &image, index, &mut Scratch::default());
            prop_assert_eq!((first.width, first.height, first.channels), (image.width, image.height, image.channels));
            prop_assert_eq!(first.pixels.len(), image.pixels.len());
            prop_assert_eq!(first, strong_view(&policy, &image, index, &mut used), "{:?}", policy.policy);
        }
    }
}
