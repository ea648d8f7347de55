//! Folders without test images of their own: class folders alone, stand-ins for `test`, and heaps without a class.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use fixmatch::config::Data;
use fixmatch::data::{self, Dataset};
use tempfile::TempDir;

use super::{check, data_in, folder, gray_folder, load, load_error, load_folder, save_gray, warnings, write};

/// Class folders with so many images each, all different.
fn classes(sizes: &[(&str, usize)]) -> TempDir {
    let root = folder();
    for (class, n) in sizes {
        for i in 0..*n {
            save_gray(&root.path().join(class).join(format!("{i:03}.png")), 4, i as u8);
        }
    }
    root
}

fn names(files: &[std::path::PathBuf], root: &Path) -> BTreeSet<String> {
    files.iter().map(|path| path.strip_prefix(root).expect("below it").display().to_string()).collect()
}

fn test_names(dataset: &Dataset, root: &Path) -> BTreeSet<String> {
    names(&dataset.own.as_ref().expect("files").files.test, root)
}

#[test]
fn of_class_folders_a_share_is_held_out_and_said() {
    let root = classes(&[("cat", 50), ("dog", 30)]);
    let dataset = load_folder(root.path(), None);
    let (n_train, n_test) = (dataset.train.n(), dataset.test.n());
    assert_eq!((&dataset.classes[..], n_train + n_test), (&["cat".into(), "dog".into()][..], 80));
    assert!((8..=24).contains(&n_test), "{n_test}");
    let said = format!(
        "80 of 80 files read; {n_test} of 80 labeled images are held out to test on (data.holdout = 0.2, data.holdout_seed = 0)"
    );
    assert_eq!((dataset.read.as_deref(), dataset.warnings.len()), (Some(said.as_str()), 0));
    // images and files go together
    let files = dataset.own.as_ref().expect("files").files.clone();
    for (i, path) in files.test.iter().enumerate() {
        let number: u8 = path.file_stem().expect("named").to_str().expect("digits").parse().expect("a number");
        assert_eq!(dataset.test.pixels_of(i)[0], number);
        assert_eq!(
            dataset.classes[usize::from(dataset.test.labels[i])],
            path.parent().expect("class").file_name().expect("named").to_str().expect("plain")
        );
    }
    assert_eq!(names(&files.train, root.path()).len(), n_train);
    let again = load_folder(root.path(), None);
    assert_eq!(again.digest, dataset.digest);
    let other = load(&Data { holdout_seed: Some(1), ..data_in(root.path()) }).expect("a good folder");
    assert_ne!(test_names(&other, root.path()), test_names(&dataset, root.path()));
    let half = load(&Data { holdout: Some(0.5), ..data_in(root.path()) }).expect("a good folder");
    assert!(half.test.n() > n_test && test_names(&dataset, root.path()).is_subset(&test_names(&half, root.path())));
}

#[test]
fn images_that_are_added_move_none_between_test_and_training() {
    let root = classes(&[("cat", 40), ("dog", 40)]);
    let before = load_folder(root.path(), None);
    for (class, name) in
        [("cat", "0.png"), ("cat", "zebra.png"), ("dog", "more/1.png"), ("emu", "1.png"), ("emu", "2.png")]
    {
        save_gray(&root.path().join(class).join(name), 4, 200);
    }
    for i in 0..60 {
        save_gray(&root.path().join(format!("cat/new{i}.png")), 4, 100 + i);
    }
    let after = load_folder(root.path(), None);
    let train = |dataset: &Dataset| names(&dataset.own.as_ref().expect("files").files.train, root.path());
    assert!(test_names(&before, root.path()).is_subset(&test_names(&after, root.path())));
    assert!(train(&before).is_subset(&train(&after)));
}

#[test]
fn small_classes_have_both_kinds_and_single_images_train() {
    let root = classes(&[("a", 2), ("b", 3), ("c", 1), ("d", 30)]);
    let dataset = load_folder(root.path(), None);
    for (counts, of_two) in [(dataset.train.class_counts(4), 1), (dataset.test.class_counts(4), 1)] {
        assert!(counts[0] == of_two && counts[1] >= 1 && counts[3] >= 1, "{counts:?}");
    }
    assert_eq!(dataset.train.class_counts(4)[2], 1);
    assert_eq!(dataset.warnings, ["class c has one image, which trains: none to test on"]);
    let root = classes(&[("a", 1), ("b", 1)]);
    check(
        &root,
        "ROOT: each class has one image, and none is left to test on: add images, or set data.holdout = 0 to train without test images",
    );
}

#[test]
fn what_stands_beside_class_folders_is_told() {
    let root = classes(&[("cat", 5), ("dog", 5)]);
    write(&root.path().join("scripts/make.py"), b"pass");
    save_gray(&root.path().join("loose.png"), 4, 0);
    save_gray(&root.path().join("unlabeled/1.png"), 4, 0);
    let dataset = load_folder(root.path(), None);
    assert_eq!((dataset.classes.len(), dataset.unlabeled.as_ref().expect("one").n()), (2, 1));
    let said = warnings(&root);
    assert!(said[0].starts_with("11 of 12 files read; 1 left out, in no class folder: loose.png; "), "{said:?}");
    assert_eq!(said[1..], ["ROOT/scripts holds no images, so it is no class"]);
    fs::rename(root.path().join("unlabeled"), root.path().join("unlabelled")).expect("renamed");
    assert!(
        load_error(&root).starts_with("ROOT/unlabelled holds images, but images of unknown class are looked for in")
    );
}

#[test]
fn one_class_folder_is_refused_with_the_reason() {
    let root = classes(&[("images/cat", 2), ("images/dog", 2)]);
    let error = load_error(&root);
    assert!(error.starts_with("ROOT has only one class, images: "), "{error}");
    assert!(error.ends_with("; if cat, dog are the classes, move them up into ROOT"), "{error}");
}

#[test]
fn val_and_its_like_are_test_images_where_there_is_no_test() {
    for name in ["val", "valid", "validation"] {
        let root = gray_folder();
        let plain = load_folder(root.path(), None);
        fs::rename(root.path().join("test"), root.path().join(name)).expect("renamed");
        let dataset = load_folder(root.path(), None);
        assert_eq!(dataset.digest, plain.digest);
        let said = format!("4 of 4 files read; the test images are those in {name}");
        assert_eq!((dataset.read.as_deref(), dataset.warnings.len()), (Some(said.as_str()), 0));
        let error = format!("{:#}", load(&Data { holdout: Some(0.1), ..data_in(root.path()) }).expect_err("both"));
        assert!(error.starts_with("data.holdout is set, but ") && error.contains(name), "{error}");
    }
    let root = gray_folder();
    fs::rename(root.path().join("test"), root.path().join("val")).expect("renamed");
    save_gray(&root.path().join("validation/cat/1.png"), 4, 0);
    assert_eq!(
        warnings(&root),
        ["the images in ROOT/validation are not used: only train, val and unlabeled are looked into"]
    );
}

#[test]
fn training_images_alone_are_held_out_on_request() {
    let root = classes(&[("train/cat", 20), ("train/dog", 20)]);
    assert!(load_error(&root).ends_with(
        "or set data.holdout = 0.2 to test on a fifth of the training images, or 0 to test on none; \
         `fixmatch new --holdout 0.2` makes a preset with it"
    ));
    let dataset = load(&Data { holdout: Some(0.25), ..data_in(root.path()) }).expect("a good folder");
    assert!(dataset.test.n() >= 2 && dataset.train.n() + dataset.test.n() == 40);
    fs::create_dir(root.path().join("dev")).expect("room on disk");
    let error = load(&Data { holdout: Some(0.25), ..data_in(root.path()) }).expect_err("a look-alike").to_string();
    assert!(error.contains("looks like it: rename it to test"), "{error}");
}

#[test]
fn a_heap_is_read_and_all_of_it_is_to_train_on() {
    for inside in ["", "unlabeled"] {
        let root = folder();
        for i in 0..3 {
            save_gray(&root.path().join(inside).join(format!("{i}.png")), 4, i);
        }
        let heap = data::read(&data_in(root.path()), Path::new("unused"), &data::means::NONE).expect("a heap");
        assert_eq!((heap.classes.len(), heap.train.n(), heap.test.n()), (0, 0, 0));
        let unlabeled = heap.unlabeled.expect("all of them");
        assert_eq!((unlabeled.n(), unlabeled.pixels_of(2)[0]), (3, 2));
        assert_eq!(heap.read.as_deref(), Some("3 of 3 files read; no image has a class"));
        let loaded = load_folder(root.path(), None);
        assert_eq!((loaded.classes.len(), loaded.train.n(), loaded.test.n(), loaded.n_pool()), (0, 3, 0, 3));
        assert_eq!((loaded.train.labels, loaded.digest), (vec![data::UNKNOWN; 3], heap.digest));
        assert_eq!(loaded.own.expect("files").files.train.len(), 3);
    }
}

#[test]
fn none_is_held_out_where_none_is_asked_for() {
    for root in [classes(&[("cat", 1), ("dog", 3)]), classes(&[("train/cat", 1), ("train/dog", 3)])] {
        let dataset = load(&Data { holdout: Some(0.0), ..data_in(root.path()) }).expect("a good folder");
        assert_eq!((dataset.train.n(), dataset.test.n(), dataset.warnings.len()), (4, 0, 0));
        let said = dataset.read.expect("said");
        assert!(
            said.ends_with("all 4 labeled images are to train on, none is to test on (data.holdout = 0)"),
            "{said}"
        );
    }
}

#[test]
fn many_classes_are_told_apart() {
    let root = folder();
    save_gray(&root.path().join("0/0.png"), 1, 0);
    save_gray(&root.path().join("0/1.png"), 1, 0);
    for class in 1..3_000 {
        let folder = root.path().join(class.to_string());
        fs::create_dir(&folder).expect("room on disk");
        for name in ["0.png", "1.png"] {
            fs::hard_link(root.path().join("0").join(name), folder.join(name)).expect("linked");
        }
    }
    let dataset = load_folder(root.path(), None);
    assert_eq!((dataset.classes.len(), dataset.train.n(), dataset.test.n()), (3_000, 3_000, 3_000));
}
