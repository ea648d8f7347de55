//! Folders and lists of one's own images, through the commands that read them.

use std::fs;
use std::path::PathBuf;

use image::GrayImage;

use super::training::worker;
use super::{Place, end_of};

impl Place {
    /// Saves a gray image of 8×8 pixels, of one value with a darker corner.
    pub fn save_image(&self, name: &str, value: u8) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        let mut image = GrayImage::from_pixel(8, 8, image::Luma([value]));
        image.put_pixel(0, 0, image::Luma([value / 2]));
        image.save(&path).expect("written");
        path
    }
}

#[test]
fn a_folder_is_verified_by_its_path_and_says_what_is_held_out() {
    let place = Place::new();
    for i in 0..20 {
        place.save_image(&format!("photos/cat/{i}.png"), i);
        place.save_image(&format!("photos/dog/{i}.png"), 100 + i);
    }
    let said = place.fixmatch(&["data", "verify", "photos"]);
    said.check(0, &["8×8 pixels, gray", "of 40 labeled images are held out to test on (data.holdout = 0.2"], &[]);
    let said = place.fixmatch(&["data", "verify", "photos", "--holdout", "0.5", "--resize", "16", "--fit", "pad"]);
    said.check(0, &["16×16 pixels, gray", "(data.holdout = 0.5, data.holdout_seed = 0)"], &[]);
    for (args, expected) in [
        (&["--holdout", "1"][..], "it must be at least 0 and below 1"),
        (&["--resize", "16", "--fit", "cover"], "it may be stretch, crop or pad"),
    ] {
        place.fixmatch(&[&["data", "verify", "photos"], args].concat()).check(2, &[], &[expected]);
    }
    let refused = |args: &[&str], expected| place.fixmatch(args).check(1, &[], &[expected]);
    refused(&["data", "verify", "photos", "--fit", "crop"], "data.fit says how images become squares of data.resize");
    refused(&["data", "verify", "fashion-mini", "--holdout", "0.1"], "data.holdout is for data.dataset = \"folder\"");
    let show = ["labels", "show", "folder", "--path", "photos", "--holdout", "0.5", "--by", "density"];
    refused(&show, "--by density --path ");
    refused(&show, "/photos --holdout 0.5`, or ");
}

#[test]
fn a_heap_becomes_a_list_to_fill_in_and_trains_once_it_has_labels() {
    let place = Place::new();
    for i in 0..6 {
        place.save_image(&format!("heap/{i}.png"), 20 * i);
    }
    place.fixmatch(&["data", "verify", "heap"]).check(0, &["0 training and 0 test images", "6 more whose class"], &[]);
    let train = |path: &str| {
        let path = format!("data.path={path}");
        place.fixmatch(&["train", "quickstart", "--set", "data.dataset=folder", "--set", &path])
    };
    train("heap").check(1, &[], &["none of the 6 images of", "labels.pick = \"file:labels.csv\""]);
    place.fixmatch(&["data", "files", "heap", "-o", "heap/labels.csv"]).check(
        0,
        &["labels.csv is written: 6 images"],
        &[],
    );
    let list = place.folder.path().join("heap/labels.csv");
    let text = fs::read_to_string(&list).expect("written");
    assert!(text.starts_with("path,label,split\n0.png,,\n1.png,,\n"), "{text}");
    place.fixmatch(&["data", "files", "heap", "-o", "heap/labels.csv"]).check(
        1,
        &[],
        &["exists; --force overwrites it"],
    );
    let filled = text.replace("0.png,,", "0.png,cat,").replace("1.png,,", "1.png,dog,");
    let filled = filled.replace("2.png,,", "2.png,cat,").replace("3.png,,", "3.png,dog,");
    fs::write(&list, &filled).expect("written");
    let said = place.fixmatch(&["data", "verify", "heap/labels.csv"]);
    said.check(0, &["2 training and 2 test images, and 2 more whose class nobody knows", "held out to test on"], &[]);
    let filled = filled.replace("2.png,cat,", "2.png,cat,test").replace("3.png,dog,", "3.png,dog,test");
    fs::write(&list, filled).expect("written");
    let said = place.fixmatch(&["data", "verify", "heap/labels.csv"]);
    said.check(0, &["2 training and 2 test images, and 2 more whose class nobody knows"], &[]);
    fs::write(&list, "path,label,split\n0.png,cat,tset\n").expect("written");
    train("heap/labels.csv").check(1, &[], &["labels.csv: line 2: column split: \"tset\" is none; did you mean test?"]);
    assert!(!place.runs().exists() || fs::read_dir(place.runs()).expect("lists").count() == 0, "no run was made");
}

#[test]
fn decoded_images_are_listed_and_removed() {
    let place = Place::new();
    for i in 0..4 {
        place.save_image(&format!("photos/cat/{i}.png"), 10 * i);
        place.save_image(&format!("photos/dog/{i}.png"), 100 + 10 * i);
    }
    let shown = |args: &[&str]| place.fixmatch(args);
    assert!(!shown(&["data", "list"]).out.contains("decoded images"));
    shown(&["data", "clear"]).check(0, &["no decoded images are kept in "], &[]);
    shown(&["data", "verify", "photos"]).check(0, &["8 of 8 files read"], &[]);
    shown(&["data", "list"]).check(0, &["decoded images that are kept", "/photos", "8×8×1", " ago"], &[]);
    let lines = shown(&["data", "list", "--json"]).out;
    let kept: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .flat_map(|line| line["kept"].as_array().cloned().expect("an array"))
        .collect();
    assert_eq!((kept.len(), kept[0]["n"].as_u64()), (1, Some(8)));
    shown(&["data", "clear", "elsewhere"]).check(1, &[], &["no decoded images of ", "elsewhere are kept"]);
    shown(&["data", "clear", "photos"]).check(0, &["1 file removed"], &[]);
    assert!(!shown(&["data", "list"]).out.contains("decoded images"));
    let with_limit = |gb: &str| {
        end_of(place.command(&["data", "verify", "photos"]).env("FIXMATCH_CACHE_GB", gb).spawn().expect("starts"))
    };
    with_limit("lots").check(1, &[], &["FIXMATCH_CACHE_GB must be a number of gigabytes from 0 on, not \"lots\""]);
    with_limit("0").check(0, &["8 of 8 files read"], &[]);
    assert!(!shown(&["data", "list"]).out.contains("decoded images"), "none are kept");
}

#[test]
fn images_that_are_there_twice_are_told_before_a_launch() {
    let place = Place::new();
    for i in 0..4 {
        place.save_image(&format!("images/train/cat/{i}.png"), 10 * i);
        place.save_image(&format!("images/train/dog/{i}.png"), 100 + 10 * i);
    }
    std::os::unix::fs::symlink("train", place.folder.path().join("images/test")).expect("a link");
    let expected =
        "warning: 8 test images are among the training images too, pixel for pixel: accuracy will be too high";
    place.fixmatch(&["data", "verify", "images"]).check(0, &[expected], &[]);
    let set = ["data.dataset=folder", "data.path=images", "labels.per_class=1", "train.steps=1", "train.batch=2"];
    let set = set.iter().flat_map(|setting| ["--set", setting]);
    let args: Vec<_> = ["train", "quickstart", "--detach"].into_iter().chain(set).collect();
    let mut command = place.command(&args);
    let said = end_of(command.env("FIXMATCH_WORKER", worker(&place, &[], "")).spawn().expect("starts"));
    assert!(said.err.contains(expected), "{}", said.err);
}

#[test]
fn a_first_preset_fits_the_images_and_says_why() {
    let place = Place::new();
    for i in 0..30 {
        place.save_image(&format!("photos/cat/{i}.png"), i);
        place.save_image(&format!("photos/dog/{i}.png"), 100 + i);
    }
    place.fixmatch(&["new", "photos"]).check(0, &["photos.toml is written; `fixmatch train "], &[]);
    let preset = place.folder.path().join("photos.toml");
    let text = fs::read_to_string(&preset).expect("written");
    for expected in [
        "path = \"photos\"\n",
        "# all images have 8×8 pixels, and are taken as they are\n",
        "per_class = ",
        "pick = \"all\" uses every label",
        "ema_decay = 0.99 ",
        "batch = 8 ",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    place.fixmatch(&["presets", "photos.toml"]).check(0, &["dataset = \"folder\""], &[]);
    // with images to train on apart, and none to test on
    fs::rename(place.folder.path().join("photos"), place.folder.path().join("train")).expect("renamed");
    fs::create_dir(place.folder.path().join("photos")).expect("made");
    fs::rename(place.folder.path().join("train"), place.folder.path().join("photos/train")).expect("renamed");
    place.fixmatch(&["new", "photos", "-o", "b.toml"]).check(1, &[], &["`fixmatch new --holdout 0.2` makes a preset"]);
    place.fixmatch(&["new", "photos", "-o", "b.toml", "--holdout", "0.2"]).check(0, &["b.toml is written"], &[]);
    let held_out = fs::read_to_string(place.folder.path().join("b.toml")).expect("written");
    assert!(held_out.contains("holdout = 0.2 ") && !held_out.contains(" 0 test images"), "{held_out}");
    fs::rename(place.folder.path().join("photos/train"), place.folder.path().join("train")).expect("renamed");
    fs::remove_dir(place.folder.path().join("photos")).expect("empty");
    fs::rename(place.folder.path().join("train"), place.folder.path().join("photos")).expect("renamed");
    place.fixmatch(&["new", "photos"]).check(1, &[], &["photos.toml is there already: name another file with -o"]);
    place.fixmatch(&["new", "photos", "-o", "a.txt"]).check(1, &[], &["a.txt: the name of a preset ends in .toml"]);
    place.fixmatch(&["new", "elsewhere"]).check(1, &[], &["there is no elsewhere"]);
    // of several sizes, some without a label, and a name that TOML has to escape
    let odd = place.folder.path().join("a \"b\"");
    fs::rename(place.folder.path().join("photos"), &odd).expect("renamed");
    fs::create_dir(odd.join("unlabeled")).expect("made");
    GrayImage::new(40, 30).save(odd.join("unlabeled/1.png")).expect("written");
    place.fixmatch(&["new", "a \"b\"", "-o", "odd.toml"]).check(0, &["odd.toml is written"], &[]);
    let text = fs::read_to_string(place.folder.path().join("odd.toml")).expect("written");
    assert!(text.contains("resize = 32  # of 8×8 to 40×30 pixels") && text.contains("fit = \"crop\""), "{text}");
    assert!(text.contains("whose class is known are labeled, and the other 1 not"), "{text}");
    fs::write(odd.join("cat/9.png"), "no image").expect("written");
    place.fixmatch(&["new", "a \"b\"", "-o", "c.toml"]).check(1, &[], &["cat/9.png", "mend or remove it"]);
    place.save_image("heap/1.png", 3);
    place.save_image("heap/2.png", 3);
    place.save_image("heap/3.png", 3);
    let refused =
        |reason| place.fixmatch(&["new", "heap"]).check(1, &[], &[reason, "label some of each with `fixmatch label "]);
    refused("no image has a class in ");
    fs::write(place.folder.path().join("heap/labels.csv"), "path,label\n1.png,cat\n").expect("written");
    refused("cat is the only class in ");
    fs::write(place.folder.path().join("heap/labels.csv"), "path,label\n1.png,cat\n2.png,dog\n").expect("written");
    place.fixmatch(&["new", "heap"]).check(0, &["heap.toml is written"], &[]);
    let gone = "path,label\n1.png,cat\n2.png,dog\ngone.png,dog\nx.png,cat\ny.png,cat\nz.png,cat\n";
    fs::write(place.folder.path().join("heap/labels.csv"), gone).expect("written");
    place.fixmatch(&["new", "heap", "-o", "gone.toml"]).check(0, &["gone.toml is written"], &[]);
    let text = fs::read_to_string(place.folder.path().join("gone.toml")).expect("written");
    assert!(text.contains("2 labeled, 1 other and 0 test images"), "{text}");
    fs::write(place.folder.path().join("heap/labels.csv"), "path,label\n1.png,cat\n2.png,dog\n").expect("written");
    let text = fs::read_to_string(place.folder.path().join("heap.toml")).expect("written");
    assert!(text.contains("pick = \"file:heap/labels.csv\"  # 2 images have a label in it"), "{text}");
    assert!(text.contains("2 labeled, 1 other and 0 test images"), "{text}");
    place.fixmatch(&["labels", "show", "heap.toml"]).check(0, &["2 images of folder"], &[]);
}
