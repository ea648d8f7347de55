//! Images that are labeled by keys, in the real program, with the file that comes of it.

use std::path::Path;

use super::{Place, Terminal};

/// A heap of images of one colour each: red, green and blue in turn; one is damaged.
fn heap(place: &Place, n: usize) {
    let folder = place.path("photos");
    std::fs::create_dir_all(&folder).expect("a folder");
    for i in 0..n {
        let mut pixel = [i as u8, 60, 30];
        pixel[i % 3] = 220;
        let image = image::RgbImage::from_pixel(12, 8, image::Rgb(pixel));
        image.save(folder.join(format!("{i:03}.png"))).expect("written");
    }
}

fn open(place: &Place, more: &[&str]) -> Terminal {
    let args = ["label", "photos", "--classes", "red,green,blue", "--order", "name"];
    place.open_at((80, 24), &[&args[..], more].concat(), &[])
}

fn rows(file: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(file).expect("a file of answers");
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}

/// Gives images `from..to` the classes that they have.
fn label(terminal: &mut Terminal, from: usize, to: usize, n: usize) {
    for i in from..to {
        terminal.until(&format!("{i:03}.png"));
        terminal.press(["1", "2", "3"][i % 3]);
        terminal.until(&format!("{} of {n} answered", i + 1));
    }
}

#[test]
fn forty_images_are_labeled_by_keys_and_a_kill_loses_none() {
    let place = Place::new();
    heap(&place, 44);
    let file = place.path("photos/labels.csv");
    let mut terminal = open(&place, &[]);
    label(&mut terminal, 0, 25, 44);
    terminal.kill();
    assert_eq!(rows(&file).len(), 25);
    // a power cut in the middle of a line
    let mut text = std::fs::read(&file).expect("there");
    text.extend(b"025.png,gre");
    std::fs::write(&file, text).expect("written");
    let mut terminal = open(&place, &[]);
    terminal.until("was not written to its end");
    label(&mut terminal, 25, 40, 44);
    terminal.press("q");
    assert!(terminal.end().success());
    assert!(terminal.is_restored());
    let rows = rows(&file);
    assert_eq!(rows.len(), 40);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(row[..3], [format!("{i:03}.png"), ["red", "green", "blue"][i % 3].into(), "class".into()]);
        assert!(row[3].ends_with('Z') && !row[4].is_empty(), "{row:?}");
    }
    let exported = place.open(&["label", "photos", "--export", "list.csv"]);
    exported.until("40 of 44 images have a label");
    let verified = place.open(&["data", "verify", "list.csv", "--resize", "8"]);
    verified.until("44 of 44 files read");
}

#[test]
fn keys_pressed_at_once_are_all_answered_in_their_order() {
    let place = Place::new();
    heap(&place, 12);
    let mut terminal = open(&place, &[]);
    terminal.until("000.png");
    terminal.press("123123123");
    terminal.until("9 of 12 answered");
    terminal.press("uu");
    terminal.until("7 of 12 answered");
    let labels: Vec<_> = rows(&place.path("photos/labels.csv")).into_iter().map(|row| row[1].clone()).collect();
    assert_eq!(labels[..9], ["red", "green", "blue", "red", "green", "blue", "red", "green", "blue"]);
    assert_eq!(labels[9..], ["", ""]);
    terminal.press("q");
    assert!(terminal.end().success());
}

#[test]
fn two_terminals_on_one_file_see_each_other() {
    let place = Place::new();
    heap(&place, 12);
    let mut me = open(&place, &["--as", "me"]);
    let mut you = open(&place, &["--as", "you"]);
    you.until("000.png");
    me.until("000.png");
    me.press("1");
    you.until("red by me");
    you.press("3");
    me.until("1 disputed");
    me.press("\x1b[H");
    me.until("people disagree: red by me, blue by you; the last one counts");
    me.press("q");
    you.press("q");
    assert!(me.end().success() && you.end().success());
    let status = place.open(&["label", "photos", "--status"]);
    status.until("people disagree about 1 image; the last answer counts");
    status.until("me");
}

#[test]
fn a_damaged_image_is_passed_over_and_a_class_is_made_on_the_way() {
    let place = Place::new();
    heap(&place, 3);
    std::fs::write(place.path("photos/000.png"), b"\x89PNG\r\n\x1a\n and no more").expect("written");
    let mut terminal = place.open_at((80, 24), &["label", "photos", "--order", "name"], &[("NO_COLOR", "1")]);
    terminal.until("this image cannot be shown");
    terminal.press("/odd one\r");
    terminal.until("gets no class");
    terminal.press(" ");
    terminal.until("001.png");
    terminal.press("/odd one\r");
    terminal.until("002.png");
    terminal.until("1 odd one");
    terminal.press("1");
    terminal.until("3 of 3 answered");
    terminal.press("q");
    assert!(terminal.end().success());
    let answers: Vec<_> = rows(&place.path("photos/labels.csv")).into_iter().map(|row| row[1..3].join(" ")).collect();
    assert_eq!(answers, [" skip", "odd one class", "odd one class"]);
}
