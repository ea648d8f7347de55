//! `fixmatch augment`, on small images in a temporary folder.

use std::fs;
use std::path::Path;

use fixmatch::augment::{Filter, Kind, Op, Scratch, Strong};
use fixmatch::base::image::Image;
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::config::Augment;
use fixmatch::data::decode::{self, Wanted};

use super::Place;

/// A folder with `in.png`, an RGB image of 12×9 pixels, and the image.
fn place_with_image() -> (Place, Image) {
    let place = Place::new();
    let pixels: Vec<u8> = (0..12 * 9 * 3).map(|i| (i * 37 % 251) as u8).collect();
    save(&place.folder.path().join("in.png"), 12, 9, pixels.clone());
    (place, Image::new(12, 9, 3, pixels))
}

fn save(path: &Path, width: u32, height: u32, pixels: Vec<u8>) {
    image::RgbImage::from_raw(width, height, pixels).expect("fits").save(path).expect("saved");
}

fn read(place: &Place, name: &str) -> Image {
    decode::read(&place.folder.path().join(name), &Wanted::default()).expect("an image").image
}

#[test]
fn operations_are_applied_in_their_order() {
    let (place, image) = place_with_image();
    let cases: [(&[&str], &[Op]); 4] = [
        (&["rotate=20", "posterize=4"], &[Op::Rotate(20.0), Op::Posterize(4)]),
        (&["autocontrast", "rescale=0.75,bicubic"], &[Op::Autocontrast(1.0), Op::Rescale(0.75, Filter::Bicubic)]),
        (&["invert=0.3", "shear_x=-0.3"], &[Op::Invert(0.3), Op::ShearX(-0.3)]),
        (&["color=2", "cutout=0.5@11,0"], &[Op::Color(2.0), Op::Cutout { side: 0.5, x: 11, y: 0 }]),
    ];
    for (texts, ops) in cases {
        let mut args = vec!["augment", "in.png", "-o", "out.png", "--force"];
        for text in texts {
            args.extend(["--op", text]);
        }
        place.fixmatch(&args).check(0, &[], &["out.png: 12×9 pixels"]);
        let mut expected = image.clone();
        for op in ops {
            op.apply(&mut expected, &mut Scratch::default());
        }
        assert_eq!(read(&place, "out.png"), expected, "{texts:?}");
    }
}

#[test]
fn a_sheet_shows_the_views_that_training_would_draw() {
    let (place, image) = place_with_image();
    let args = ["augment", "in.png", "--policy", "randaugment", "--seed", "7", "--grid", "3x2", "-o", "sheet.png"];
    place.fixmatch(&args).check(0, &[], &["sheet.png: 40×20 pixels"]);
    let sheet = read(&place, "sheet.png");
    let pixel = |x: usize, y: usize| &sheet.pixels[(y * sheet.width + x) * 3..][..3];
    assert_eq!(pixel(12, 3), [255; 3], "views lie close to each other");
    let mut last = image;
    let strong = Strong::new(&Augment::default());
    strong.apply(&mut last, &mut Rng::new(7, Stream::UnlabeledStrong, 0, 5), &mut Scratch::default());
    for (place, expected) in last.pixels.chunks(3).enumerate() {
        assert_eq!(pixel(2 * 14 + place % 12, 11 + place / 12), expected);
    }
    let sheet_of = |args: &[&str]| {
        let all =
            [&["augment", "in.png", "--grid", "4x4", "--force", "-o", "other.png", "--policy"][..], args].concat();
        place.fixmatch(&all).check(0, &[], &["other.png: 54×42 pixels"]);
        read(&place, "other.png")
    };
    let policies: [&[&str]; 7] = [
        &["weak"],
        &["none"],
        &["randaugment"],
        &["randaugment", "--table", "reference"],
        &["randaugment", "--cutout", "0"],
        &["ctaugment"],
        &["autoaugment"],
    ];
    let sheets = policies.map(sheet_of);
    for (i, sheet) in sheets.iter().enumerate() {
        assert!(!sheets[..i].contains(sheet), "{:?} gives the same as another policy", policies[i]);
    }
    assert_eq!(sheet_of(&["weak"]), sheet_of(&["none", "--cutout", "0"]));
}

#[test]
fn what_cannot_be_done_is_refused_with_what_can() {
    let (place, _) = place_with_image();
    let folder = place.folder.path();
    save(&folder.join("large.png"), 513, 2, vec![0; 513 * 2 * 3]);
    fs::write(folder.join("text.png"), "no image").expect("written");
    fs::write(folder.join("old.png"), "old").expect("written");
    let missing_folder: &[&str] = &["augment", "in.png", "--op", "invert", "-o", "nowhere/out.png"];
    let cases: [(&[&str], i32, &str); 15] = [
        (
            &["augment", "in.png", "--op", "rotat=2", "-o", "o.png"],
            2,
            "there is no operation \"rotat\"; did you mean rotate? there are auto",
        ),
        (&["augment", "in.png", "--op", "rotate=90", "-o", "o.png"], 2, "DEGREES must be in [-45, 45], not 90"),
        (&["augment", "in.png", "--op", "cutout=0.5@12,0", "-o", "o.png"], 1, "in columns 0 to 11 and rows 0 to 8"),
        (&["augment", "in.png", "-o", "o.png"], 2, "--op <NAME[=VALUE]>"),
        (&["augment", "--op", "invert", "-o", "o.png"], 2, "<IMAGE>"),
        (&["augment", "in.png", "--op", "invert", "--seed", "1", "-o", "o.png"], 2, "cannot be used with"),
        (&["augment", "in.png", "--policy", "mixup", "-o", "o.png"], 2, "possible values: weak, none, randaugment"),
        (
            &["augment", "in.png", "--policy", "weak", "--grid", "8", "-o", "o.png"],
            2,
            "must be columns and rows from 1",
        ),
        (&["augment", "in.png", "--policy", "none", "--cutout", "2", "-o", "o.png"], 2, "must be in [0, 1]"),
        (
            &["augment", "large.png", "--policy", "weak", "-o", "o.png"],
            1,
            "large.png has 513×2 pixels, and at most 512×512",
        ),
        (&["augment", "text.png", "--op", "invert", "-o", "o.png"], 1, "text.png holds no image that fixmatch reads"),
        (&["augment", "none.png", "--op", "invert", "-o", "o.png"], 1, "none.png cannot be read: No such file"),
        (&["augment", "in.png", "--op", "invert", "-o", "o.jpg"], 1, "o.jpg must end in .png"),
        (&["augment", "in.png", "--op", "invert", "-o", "old.png"], 1, "old.png exists; --force overwrites it"),
        (missing_folder, 1, "nowhere/out.png: there is no folder"),
    ];
    for (args, code, message) in cases {
        place.fixmatch(args).check(code, &[], &["error: ", message]);
    }
    assert_eq!(fs::read(folder.join("old.png")).expect("reads"), b"old");
    assert_eq!(fs::read_dir(folder).expect("reads").count(), 4, "a refused command left a file");
}

#[test]
fn without_a_file_the_image_goes_to_a_pipe() {
    let (place, _) = place_with_image();
    let output = place.start(&["augment", "in.png", "--op", "invert"]).wait_with_output().expect("ends");
    assert!(output.status.success() && output.stdout.starts_with(b"\x89PNG"), "{output:?}");
}

#[test]
fn the_tables_are_listed() {
    let said = Place::new().fixmatch(&["augment", "--list"]);
    said.check(0, &["rescale=SIDE,FILTER", "-45 to 45", "17 and 6", "±3 to ±27", "0.28 to 1.72"], &[]);
    for kind in Kind::ALL {
        assert!(said.out.contains(&format!("\n{}", kind.name())), "{} is missing", kind.name());
    }
}
