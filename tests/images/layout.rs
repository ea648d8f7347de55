//! What stands where: class folders, what is beside and below them, and what is almost where it should be.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{check, data_in, folder, gray_folder, load, load_error, load_folder, read, save_gray, warnings, write};

#[test]
fn a_folder_that_lacks_a_part_gets_advice() {
    let root = folder();
    save_gray(&root.path().join("train/cat/1.png"), 4, 0);
    check(
        &root,
        "there is no folder ROOT/test: expected ROOT/train/CLASS/*.png and ROOT/test/CLASS/*.png (or .jpg, .webp, …); or set \
         data.holdout = 0.2 to test on a fifth of the training images, or 0 to test on none; \
         `fixmatch new --holdout 0.2` makes a preset with it",
    );
    fs::remove_dir_all(root.path().join("train/cat")).expect("just made");
    fs::create_dir(root.path().join("test")).expect("room on disk");
    check(
        &root,
        "ROOT/train has no class folders: expected ROOT/train/CLASS/*.png and ROOT/test/CLASS/*.png (or .jpg, .webp, …)",
    );
    fs::remove_dir(root.path().join("train")).expect("empty");
    save_gray(&root.path().join("dog/1.png"), 4, 0);
    check(
        &root,
        "there is no folder ROOT/train: expected ROOT/train/CLASS/*.png and ROOT/test/CLASS/*.png (or .jpg, .webp, …); if dog are \
         classes, move them into ROOT/train",
    );
    let root = folder();
    write(&root.path().join("notes.txt"), b"none yet");
    check(
        &root,
        "ROOT holds no images: expected ROOT/CLASS/*.png, or ROOT/train/CLASS/*.png and ROOT/test/CLASS/*.png (or .jpg, \
         .webp, …)",
    );
    let error = format!("{:#}", load(&data_in(Path::new("/no/such/folder"))).expect_err("no folder"));
    assert!(error.starts_with("cannot read the folder /no/such/folder"), "{error}");
}

#[test]
fn images_in_deeper_folders_are_read_behind_those_of_their_class_folder() {
    let root = gray_folder();
    for (file, value) in [("b/2.png", 12), ("a/z/1.png", 11), ("a/9.png", 10), ("z.png", 9)] {
        save_gray(&root.path().join("train/cat").join(file), 4, value);
    }
    let dataset = load_folder(root.path(), None);
    assert_eq!(dataset.train.labels, [0, 0, 0, 0, 0, 1]);
    let firsts: Vec<_> = (0..6).map(|i| dataset.train.pixels_of(i)[0]).collect();
    assert_eq!(firsts, [0, 9, 10, 11, 12, 1]);
    let said = "8 of 8 files read; 3 in folders inside class folders, such as train/cat/a/9.png";
    assert_eq!((dataset.read.as_deref(), dataset.warnings), (Some(said), vec![said.to_owned()]));
}

#[test]
fn what_systems_leave_behind_is_no_class_and_no_image() {
    let root = gray_folder();
    for litter in [
        "train/__MACOSX/cat/._1.png",
        "train/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg",
        "train/cat/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg",
        "train/$RECYCLE.BIN/1.png",
        "train/System Volume Information/1.png",
        "train/.ipynb_checkpoints/1.png",
        "test/dog/Thumbs.db",
        "test/dog/DESKTOP.INI",
        "test/.DS_Store",
    ] {
        write(&root.path().join(litter), b"litter");
    }
    let dataset = load_folder(root.path(), None);
    assert_eq!((dataset.classes.len(), dataset.train.n(), dataset.test.n()), (2, 2, 2));
    assert_eq!(read(&root), "4 of 13 files read; 9 hidden or system files, such as train/$RECYCLE.BIN");
}

#[test]
fn what_is_left_out_is_said_with_an_example_of_each_kind() {
    let root = gray_folder();
    let at = |file: &str| root.path().join(file);
    save_gray(&at("train/loose.png"), 4, 0);
    save_gray(&at("test/loose.png"), 4, 0);
    write(&at("train/cat/names.csv"), b"\xef\xbb\xbfname,label\n1.png,cat\n");
    write(&at("train/dog/film.mp4"), b"\0\0\0\x18ftypisom\0\0\0\0");
    write(&at("train/dog/1.heic"), b"\0\0\0\x18ftypheic\0\0\0\0");
    write(&at("train/dog/1.jpg"), b"\0\0\0\x18ftypavif\0\0\0\0");
    symlink("nowhere.png", at("train/dog/dead.png")).expect("a link");
    symlink("itself.png", at("train/dog/itself.png")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, at("train/dog/pipe.png"), 0o600.into()).expect("a FIFO");
    let said = "4 of 13 files read; 2 left out, in no class folder, such as train/loose.png; 2 left out, in a format that is \
                not read (HEIC, AVIF; PNG or JPEG is), such as train/dog/1.heic; 2 files that are not images, such as \
                train/cat/names.csv; 2 broken links, such as train/dog/dead.png; 1 special file: \
                train/dog/pipe.png";
    assert_eq!(sorted(&warnings(&root)[0]), sorted(said));
}

/// The parts of a line, in order.
fn sorted(line: &str) -> Vec<String> {
    let mut parts: Vec<_> =
        line.split("; ").map(|part| part.split(", such").next().unwrap_or_default().to_owned()).collect();
    parts.sort();
    parts
}

#[test]
fn links_are_followed_once() {
    let root = gray_folder();
    let elsewhere = folder();
    save_gray(&elsewhere.path().join("in/1.png"), 4, 7);
    symlink(elsewhere.path(), root.path().join("train/emu")).expect("a link");
    symlink(elsewhere.path().join("in/1.png"), root.path().join("train/cat/2.png")).expect("a link");
    symlink("..", elsewhere.path().join("in/back")).expect("a link");
    let dataset = load_folder(root.path(), None);
    assert_eq!(
        (dataset.classes.iter().map(|class| &**class).collect::<Vec<_>>().join(" ").as_str(), dataset.train.n()),
        ("cat dog emu", 4)
    );
    let read = dataset.read.expect("counted");
    assert!(read.ends_with("; 1 link to a folder read already: train/emu/in/back"), "{read}");
}

#[test]
fn a_link_to_a_folder_around_it_brings_no_class_and_no_image() {
    let plain = load_folder(gray_folder().path(), None);
    for (target, link) in [
        ("..", "train/cat/up"),
        ("../..", "train/cat/up"),
        (".", "train/cat/up"),
        (".", "train/self"),
        ("..", "train/up"),
    ] {
        let root = gray_folder();
        symlink(target, root.path().join(link)).expect("a link");
        let dataset = load_folder(root.path(), None);
        assert_eq!((&dataset.classes, dataset.train.n()), (&plain.classes, plain.train.n()), "{link} to {target}");
        let read = dataset.read.expect("counted");
        assert!(read.ends_with(&format!("; 1 link to a folder read already: {link}")), "{read}");
    }
}

#[test]
fn test_images_under_another_name_are_named() {
    for name in ["Val", "Validation", "dev", "Test", "TEST", "testing", "eval", "val_set"] {
        let root = gray_folder();
        fs::rename(root.path().join("test"), root.path().join(name)).expect("renamed");
        let expected = format!(
            "there is no folder ROOT/test, but ROOT/{name} looks like it: rename it to test, or link it (ln -s {name} \
             ROOT/test)"
        );
        check(&root, &expected);
        symlink(name, root.path().join("test")).expect("a link");
        let dataset = load_folder(root.path(), None);
        assert_eq!(dataset.test.n(), 2);
    }
}

#[test]
fn training_images_under_another_name_are_named() {
    for name in ["Train", "TRAIN", "training", "labeled"] {
        let root = gray_folder();
        fs::rename(root.path().join("train"), root.path().join(name)).expect("renamed");
        let error = load_error(&root);
        assert!(error.starts_with(&format!("there is no folder ROOT/train, but ROOT/{name} looks like it")), "{error}");
    }
}

#[test]
fn images_of_unknown_class_under_another_name_are_not_left_out() {
    for name in ["unlabelled", "Unlabeled", "UNLABELED", "unlabled", "un-labeled", "unlabelled_data", "no labels"] {
        let root = gray_folder();
        save_gray(&root.path().join(name).join("more/1.png"), 4, 0);
        let expected = format!(
            "ROOT/{name} holds images, but images of unknown class are looked for in ROOT/unlabeled: rename it, or move it \
             elsewhere"
        );
        check(&root, &expected);
        save_gray(&root.path().join("unlabeled/deep/1.png"), 4, 0);
        let said = format!("the images in ROOT/{name} are not used: only train, test and unlabeled are looked into");
        assert!(warnings(&root).contains(&said), "{:?}", warnings(&root));
    }
}

#[test]
fn images_beside_the_parts_are_named_and_other_folders_are_not() {
    let root = gray_folder();
    write(&root.path().join("scripts/make.py"), b"pass");
    fs::create_dir(root.path().join("unlabelled")).expect("room on disk");
    assert!(warnings(&root).is_empty());
    save_gray(&root.path().join("val/cat/1.png"), 4, 0);
    assert_eq!(
        warnings(&root),
        ["the images in ROOT/val are not used: only train, test and unlabeled are looked into"]
    );
}

#[test]
fn a_path_one_folder_off_is_set_right() {
    let root = folder();
    let nested = root.path().join("images/images");
    fs::create_dir_all(root.path().join("images")).expect("room on disk");
    fs::rename(gray_folder().keep(), &nested).expect("moved");
    let error = |path: &Path| load(&data_in(path)).expect_err("one folder off").to_string();
    for path in [root.path().join("images"), nested.join("train")] {
        let advice = format!("has one: set data.path to {}", nested.display());
        assert!(error(&path).ends_with(&advice), "{}", error(&path));
    }
    let mut slash = nested.into_os_string();
    slash.push("/");
    assert_eq!(load_folder(Path::new(&slash), None).train.n(), 2);
}

#[test]
fn an_archive_is_to_be_unpacked() {
    let root = folder();
    write(&root.path().join("train.zip"), b"PK\x03\x04");
    check(&root, "there is no folder ROOT/train, but ROOT/train.zip is an archive: unpack it first");
}

#[test]
fn one_class_is_refused_with_the_reason() {
    let root = gray_folder();
    for part in ["train", "test"] {
        fs::remove_dir_all(root.path().join(part).join("dog")).expect("there");
    }
    let refused = "ROOT/train has only one class, cat: with one there is nothing to tell apart, and the loss is 0 from the \
                   first step; at least 2 class folders are needed";
    check(&root, refused);
    for class in ["dog", "emu"] {
        save_gray(&root.path().join("train/cat").join(class).join("1.png"), 4, 0);
    }
    check(&root, &format!("{refused}; if dog, emu are the classes, move them up into ROOT/train"));
}

#[test]
fn classes_whose_names_look_alike_are_pointed_out() {
    let root = gray_folder();
    save_gray(&root.path().join("train/Cat/1.png"), 4, 0);
    let said = "ROOT/train/Cat and ROOT/train/cat are two classes whose names differ only in case, blanks or encoding";
    assert!(warnings(&root).iter().any(|warning| warning.starts_with(said)), "{:?}", warnings(&root));
    // ü as one character and as u with a mark
    for (train, test) in [("Cat", "cAT"), ("gr\u{fc}n", "gru\u{308}n"), ("emu", "emu ")] {
        let root = gray_folder();
        save_gray(&root.path().join("train").join(train).join("1.png"), 4, 0);
        save_gray(&root.path().join("test").join(test).join("1.png"), 4, 0);
        if train == "Cat" {
            fs::remove_dir_all(root.path().join("train/cat")).expect("there");
            fs::remove_dir_all(root.path().join("test/cat")).expect("there");
        }
        let test = test.replace("emu ", "emu␣"); // a blank at the end would not be seen
        let expected = format!(
            "ROOT/test/{test} is a class without training images, but ROOT/train/{train} differs only in case, blanks or the \
             way its letters are encoded: give both the same name"
        );
        check(&root, &expected);
    }
}

#[test]
fn an_empty_class_folder_of_the_test_images_is_as_none() {
    let root = gray_folder();
    save_gray(&root.path().join("train/emu/1.png"), 4, 0);
    fs::create_dir(root.path().join("test/emu")).expect("room on disk");
    assert_eq!(warnings(&root), ["class emu has no test images in ROOT/test"]);
    write(&root.path().join("train/fox/notes.txt"), b"none yet");
    check(
        &root,
        "ROOT/train/fox holds no images (1 file that is not an image: notes.txt): add some (PNG, JPEG, WebP, BMP, TIFF or GIF) or remove \
         the folder",
    );
}

#[test]
fn names_of_any_bytes_train() {
    let root = gray_folder();
    let long = "x".repeat(200);
    let names = [&b"caf\xe9"[..], "Käfer 🐞".as_bytes(), "猫".as_bytes(), b"a\tb", b" blanks ", long.as_bytes()];
    for name in names {
        for part in ["train", "test"] {
            save_gray(&root.path().join(part).join(OsStr::from_bytes(name)).join("\u{fffd}.png"), 4, 0);
        }
    }
    let dataset = load_folder(root.path(), None);
    assert_eq!((dataset.classes.len(), dataset.train.n(), dataset.warnings.len()), (8, 8, 0));
    assert!(dataset.test.class_counts(8).iter().all(|&n| n == 1));
}
