//! Lists of images in place of a folder.

use std::fs;
use std::path::Path;

use fixmatch::config::Data;
use fixmatch::data::{self, Dataset};
use tempfile::TempDir;

use super::{data_in, gray_folder, load, save_gray, write};

/// A folder of ten images in one heap, and a list of that name and text beside them.
fn listed(name: &str, text: &str) -> (TempDir, Data) {
    let root = super::folder();
    for i in 0..10 {
        save_gray(&root.path().join(format!("heap/{i}.png")), 4, i);
    }
    write(&root.path().join(name), text.as_bytes());
    let data = data_in(&root.path().join(name));
    (root, data)
}

fn error_of(name: &str, text: &str) -> String {
    let (root, data) = listed(name, text);
    let error = format!("{:#}", load(&data).expect_err(text));
    error.replace(root.path().to_str().expect("a plain path"), "ROOT")
}

fn values(images: &data::Images) -> Vec<u8> {
    (0..images.n()).map(|i| images.pixels_of(i)[0]).collect()
}

fn shape(dataset: &Dataset) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    (values(&dataset.train), values(&dataset.test), dataset.unlabeled.as_ref().map_or_else(Vec::new, values))
}

#[test]
fn a_list_says_class_and_split_of_each_image_in_its_order() {
    let csv = "path,label,split,width\nheap/3.png,dog,,\nheap/1.png,cat,train,\nheap/2.png,dog,test,\nheap/0.png,,,\n\
               heap/4.png,cat,test,9\n";
    let jsonl = "{\"path\":\"heap/3.png\",\"label\":\"dog\",\"width\":3}\n{\"path\":\"heap/1.png\",\"label\":\"cat\"}\n\
                 {\"path\":\"heap/2.png\",\"label\":\"dog\",\"split\":\"test\"}\n{\"path\":\"heap/0.png\"}\n\
                 {\"path\":\"heap/4.png\",\"label\":\"cat\",\"split\":\"test\"}\n";
    for (name, text) in [("l.csv", csv), ("l.TSV", &csv.replace(',', "\t")), ("l.jsonl", jsonl)] {
        let (_root, data) = listed(name, text);
        let dataset = load(&data).expect(name);
        assert_eq!(dataset.classes, ["cat", "dog"]);
        assert_eq!(shape(&dataset), (vec![3, 1], vec![2, 4], vec![0]), "{name}");
        assert_eq!((dataset.train.labels, dataset.test.labels), (vec![1, 0], vec![1, 0]));
        assert_eq!(dataset.read.as_deref(), Some("5 of 5 files read; columns not looked at: width"));
    }
}

#[test]
fn val_is_to_test_on_where_nothing_else_is() {
    let text = "path,label,split\nheap/0.png,a,train\nheap/1.png,b,train\nheap/2.png,a,val\nheap/3.png,b,valid\n";
    let (_root, data) = listed("l.csv", text);
    assert_eq!(shape(&load(&data).expect("val")).1, [2, 3]);
    let (_root, data) = listed("l.csv", &format!("{text}heap/4.png,a,test\n"));
    let dataset = load(&data).expect("val beside test");
    assert_eq!(shape(&dataset).1, [4]);
    assert!(dataset.warnings[0].starts_with("2 images of "), "{:?}", dataset.warnings);
    assert!(dataset.warnings[1].starts_with("class b has no test images in "), "{:?}", dataset.warnings);
}

#[test]
fn without_splits_test_images_are_held_out_and_stay_when_labels_are_added() {
    let rows: Vec<_> = (0..10).map(|i| format!("heap/{i}.png,{}\n", ["a", "b", ""][i % 3])).collect();
    let rows = rows.concat();
    let (root, data) = listed("l.csv", &format!("path,label\n{rows}"));
    let dataset = load(&data).expect("a good list");
    let (train, test, unlabeled) = shape(&dataset);
    assert_eq!((train.len() + test.len(), unlabeled), (7, vec![2, 5, 8]));
    assert!(dataset.test.class_counts(2).iter().all(|n| *n > 0));
    assert!(dataset.read.expect("said").contains(" of 7 labeled images are held out to test on"));
    let held = load(&Data { holdout: Some(0.5), holdout_seed: Some(3), ..data.clone() }).expect("a good list");
    assert_ne!(shape(&held).1, test);
    // the same split as of class folders with the same paths
    write(&root.path().join("copy.csv"), fs::read(root.path().join("l.csv")).expect("there").as_slice());
    assert_eq!(load(&data_in(&root.path().join("copy.csv"))).expect("a good list").digest, dataset.digest);
}

#[test]
fn a_list_without_labels_is_a_heap() {
    let (_root, data) = listed("l.csv", "path,label\nheap/7.png,\nheap/1.png,\n");
    let heap = data::read(&data, Path::new("unused"), &data::means::NONE).expect("a heap");
    assert_eq!(shape(&heap), (vec![], vec![], vec![7, 1]));
    let loaded = load(&data).expect("a heap");
    assert_eq!((loaded.train.n(), loaded.test.n(), loaded.train.labels), (2, 0, vec![data::UNKNOWN; 2]));
}

#[test]
fn what_a_list_gets_wrong_is_named_with_its_line() {
    for (name, text, expected) in [
        (
            "l.csv",
            "path,label\nheap/0.png,a\nnone.png,b\n",
            "ROOT/l.csv: line 3: ROOT/none.png is not there; mend the list",
        ),
        (
            "l.csv",
            "path,label\nheap,a\n",
            "ROOT/l.csv: line 2: ROOT/heap is a folder, and a list names files; mend the list",
        ),
        (
            "l.csv",
            "path,label\nheap/0.png,a\nheap/1.png,b\nheap/0.png,b\n",
            "ROOT/l.csv: line 4: line 2 names ROOT/heap/0.png already",
        ),
        ("l.csv", "path,label\nheap/0.png,a\nheap/1.png,a\n", "ROOT/l.csv has only one class, a: with one there is"),
        ("l.csv", "path,label\n", "ROOT/l.csv names no image"),
        (
            "l.csv",
            "path,label,split\nheap/0.png,a,\nheap/1.png,b,train\n",
            "ROOT/l.csv says split, and no image is to test on: give some of them test, or set data.holdout",
        ),
        (
            "l.csv",
            "path,label,split\nheap/0.png,a,\nheap/1.png,b,test\nheap/2.png,a,test\n",
            "ROOT/l.csv has no training image of class b",
        ),
        ("l.csv", "path,label\nl.csv,a\nheap/1.png,b\nheap/2.png,b\nheap/3.png,a\n", "ROOT/l.csv holds no image that"),
        ("l.txt", "heap/0.png\n", "ROOT/l.txt is a file, and a list of images ends in .csv, .tsv or .jsonl"),
        ("l.jsonl", "{\"path\": \"heap/0.png\",\n", "ROOT/l.jsonl: line 1: column "),
    ] {
        let error = error_of(name, text);
        assert!(error.starts_with(expected), "{text:?}: {error}");
    }
    let text: Vec<_> = (0..8).map(|i| format!("none{i}.png,a\n")).collect();
    let error = error_of("l.csv", &format!("path,label\n{}", text.concat()));
    assert!(
        error.starts_with("ROOT/l.csv: 8 of 8 images cannot be used; mend the list: line 2: ROOT/none0.png is not"),
        "{error}"
    );
    assert!(error.ends_with("; and 3 more"), "{error}");
    let missing = load(&data_in(Path::new("/no/such/list.csv"))).expect_err("no list");
    assert!(format!("{missing:#}").starts_with("cannot read /no/such/list.csv: No such file"), "{missing:#}");
}

#[test]
fn a_folder_can_be_written_as_a_list_that_gives_the_same_images() {
    let root = gray_folder();
    let name = "a \"b\",\nc.png";
    fs::rename(root.path().join("train/cat/1.png"), root.path().join("train/cat").join(name)).expect("renamed");
    save_gray(&root.path().join("unlabeled/~x/u.png"), 4, 9);
    let data = data_in(root.path());
    let files =
        data::folder::listed(&data::Place::of(&data, Path::new("unused"), &data::means::NONE)).expect("a good folder");
    for folder in [None, Some(root.path())] {
        let list = data::folder::csv(&files, folder).expect("plain");
        let path = root.path().join("list.csv");
        write(&path, &list);
        let (from_list, from_folder) =
            (load(&data_in(&path)).expect("a good list"), load(&data).expect("a good folder"));
        assert_eq!(from_list.digest, from_folder.digest, "{}", String::from_utf8_lossy(&list));
        fs::remove_file(path).expect("there");
    }
}
