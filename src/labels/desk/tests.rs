use std::fs;

use super::super::log::Answer;
use super::*;

/// Images of one colour each, in a folder; one of them is damaged.
fn heap() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("more")).expect("made");
    for (name, gray) in [("a.png", 10), ("b.png", 240), ("more/c.png", 30), ("d.png", 200)] {
        let image = image::RgbImage::from_pixel(40, 20, image::Rgb([gray; 3]));
        image.save(folder.path().join(name)).expect("written");
    }
    fs::write(folder.path().join("e.png"), b"\x89PNG\r\n\x1a\n cut").expect("written");
    folder
}

fn request(folder: &Path) -> Labeling {
    let data = Data { dataset: "folder".into(), path: Some(folder.to_owned()), ..Data::default() };
    Labeling { data, order: Sequence::Named, ..Labeling::default() }
}

fn names(desk: &Desk) -> Vec<String> {
    desk.images.iter().map(|image| image.name.display().to_string()).collect()
}

#[test]
fn a_heap_is_labeled_in_the_order_that_is_asked_for() {
    let folder = heap();
    let named = Desk::open(&request(folder.path())).expect("opens");
    assert_eq!(names(&named), ["a.png", "b.png", "d.png", "e.png", "more/c.png"]);
    assert_eq!(named.path(), folder.path().canonicalize().expect("there").join("labels.csv"));
    let with = |order: &str| {
        let request = Labeling { order: order.into(), ..request(folder.path()) };
        Desk::open(&request).map(|desk| (names(&desk), desk.order))
    };
    let (shuffled, words) = with("shuffled").expect("opens");
    assert_eq!((shuffled.clone(), words.as_str()), (with("shuffled").expect("the same").0, "shuffled, seed 0"));
    let list = folder.path().join("order.txt");
    fs::write(&list, "d.png\nmore/../b.png\nelsewhere.png\n").expect("written");
    let (listed, words) = with(&list.display().to_string()).expect("opens");
    assert_eq!((listed[0].as_str(), listed.len()), ("d.png", 5));
    assert!(words.ends_with(", then 4 others shuffled") || words.ends_with(", then 3 others shuffled"), "{words}");
    fs::write(&list, "elsewhere.png\n").expect("written");
    let error = with(&list.display().to_string()).expect_err("none of them").to_string();
    assert!(error.ends_with("names none of the 5 images to label"), "{error}");
}

#[test]
fn answers_are_about_the_image_whatever_a_line_calls_it() {
    let folder = heap();
    let root = folder.path();
    fs::write(
        root.join("labels.csv"),
        format!(
            "path,label,answer,time,who,guess,seconds\n./a.png,cat,class,,,,\n{}/more/c.png,dog,class,,,,\ngone.png,cat,class,,,,\n",
            root.display()
        ),
    )
    .expect("written");
    let desk = Desk::open(&request(root)).expect("opens");
    let rows = desk.read(|news| news.expect("reads")).rows;
    let places: Vec<_> = rows.iter().map(|row| desk.place_of(&row.path)).collect();
    assert_eq!(places, [Some(0), Some(4), None]);
    let list = desk.list(root, |path| (path == Path::new("a.png")).then(|| "cat".into())).expect("files");
    assert_eq!(
        String::from_utf8(list).expect("text"),
        "path,label,split\na.png,cat,\nb.png,,\nd.png,,\ne.png,,\nmore/c.png,,\n".replace(
            "a.png",
            &root.canonicalize().map_or("a.png".into(), |whole| if whole == root {
                "a.png".into()
            } else {
                whole.join("a.png").display().to_string()
            })
        )
    );
}

#[test]
fn a_damaged_image_says_why_and_those_that_look_alike_are_found() {
    let folder = heap();
    let desk = Desk::open(&request(folder.path())).expect("opens");
    assert!(desk.look(3).expect_err("damaged").starts_with("it is "));
    let image = desk.look(0).expect("an image");
    assert_eq!((image.width, image.height), (40, 20));
    desk.look_at(&[1, 2, 3, 4]);
    let near: Vec<_> = desk.near(0, &[0, 1, 2, 3, 4], 2).into_iter().map(|(other, _)| other).collect();
    assert_eq!(near, [4, 2]);
    assert!(desk.near(3, &[0], 2).is_empty());
    assert_eq!(within(&Image::black(4000, 3000, 1), 512), (512, 384));
}

#[test]
fn images_smaller_than_those_that_are_compared_are_near_by_all_their_pixels() {
    let folder = tempfile::tempdir().expect("a folder");
    // the first rows of a and b are the same, and c is as a is but larger
    for (name, side, lower) in [("a.png", 4, 250), ("b.png", 2, 0), ("c.png", 60, 250)] {
        let gray = |_, y| image::Rgb([if y < side / 2 { 0 } else { lower }; 3]);
        image::RgbImage::from_fn(side, side, gray).save(folder.path().join(name)).expect("written");
    }
    let desk = Desk::open(&request(folder.path())).expect("opens");
    desk.look_at(&[0, 1, 2]);
    let near: Vec<_> = desk.near(0, &[1, 2], 2).into_iter().map(|(other, _)| other).collect();
    assert_eq!(near, [2, 1]);
}

#[test]
fn guesses_are_read_as_predict_writes_them() {
    let folder = heap();
    let root = folder.path();
    let path = root.join("guesses.csv");
    let open = |text: &str, name: &str| {
        let path = path.with_file_name(name);
        fs::write(&path, text).expect("written");
        Desk::open(&Labeling { guesses: Some(path), ..request(root) })
    };
    let desk = open("path,label,confidence,label_2,confidence_2\na.png,cat,0.75,dog,0.25\n", "g.csv").expect("reads");
    assert_eq!(desk.guess(0), [("cat".into(), 0.75), ("dog".into(), 0.25)]);
    assert!(desk.guess(1).is_empty() && desk.has_guesses());
    let desk = open("{\"path\":\"b.png\",\"class\":1,\"class_name\":\"dog\",\"confidence\":0.5}\n", "g.jsonl");
    assert_eq!(desk.expect("reads").guess(1), [("dog".into(), 0.5)]);
    let error = open("path,label,confidence\na.png,cat,high\n", "g.csv").expect_err("no number");
    assert!(format!("{error:#}").contains(":2: confidence"), "{error:#}");
    let error = open("path,label,confidence\nz.png,cat,1\n", "g.csv").expect_err("of others").to_string();
    assert!(error.ends_with("has no prediction of any of the images to label"), "{error}");
}

#[test]
fn images_without_files_are_called_by_their_numbers() {
    let data = Data { dataset: "fashion-mini".into(), ..Data::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let file = Some(folder.path().join("mine.csv"));
    let desk = Desk::open(&Labeling { data, file, order: Sequence::Named, ..Labeling::default() }).expect("opens");
    assert_eq!(desk.images[7].name, Path::new("fashion-mini:7"));
    assert_eq!(desk.look(7).expect("an image").width, 28);
    let answer = Answer::Class(desk.classes[0].clone());
    let row = Row {
        line: 0,
        path: desk.images[7].name.clone(),
        answer,
        time: String::new(),
        who: "me".into(),
        guess: None,
        seconds: None,
    };
    let rows = desk.append(&[row], |news| news.expect("written")).rows;
    assert_eq!(desk.place_of(&rows[0].path), Some(7));
}

#[test]
fn a_list_of_all_images_leaves_those_as_they_are_that_were_not_to_be_labeled() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, gray) in
        [("train/cat/a.png", 10), ("train/dog/b.png", 90), ("test/cat/c.png", 40), ("unlabeled/d.png", 70)]
    {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("one")).expect("made");
        image::RgbImage::from_pixel(8, 8, image::Rgb([gray; 3])).save(path).expect("written");
    }
    let desk = Desk::open(&request(folder.path())).expect("opens");
    assert_eq!(names(&desk), ["unlabeled/d.png"]);
    let list = desk.list(desk.path().parent().expect("one"), |_| Some("dog".into())).expect("a list");
    fs::write(folder.path().join("list.csv"), &list).expect("written");
    let text = String::from_utf8(list).expect("text");
    for line in
        ["train/cat/a.png,cat,train", "train/dog/b.png,dog,train", "test/cat/c.png,cat,test", "unlabeled/d.png,dog,"]
    {
        assert!(text.lines().any(|it| it == line), "{line} in {text}");
    }
    let of_list = Data { path: Some(folder.path().join("list.csv")), ..request(folder.path()).data };
    let read = crate::data::load(&of_list, folder.path()).expect("reads");
    assert_eq!((read.train.n(), read.test.n(), read.n_pool()), (3, 1, 3));
}
