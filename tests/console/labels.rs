//! Label sets, from the browser to runs on them.

use super::{Place, Terminal};

/// A data set of its own, so that runs on it are short: three colours, twelve training images of each.
fn colors(place: &Place) -> String {
    let names = ["red", "green", "blue"];
    for (class, name) in names.iter().enumerate() {
        for (part, n) in [("train", 12), ("test", 2)] {
            let folder = place.path("colors").join(part).join(name);
            std::fs::create_dir_all(&folder).expect("a folder");
            for i in 0..n {
                let mut pixel = [20 * i as u8, 90, 3 * i as u8];
                pixel[class] = 255 - 10 * i as u8;
                let image = image::RgbImage::from_pixel(8, 8, image::Rgb(pixel));
                image.save(folder.join(format!("{i}.png"))).expect("written");
            }
        }
    }
    let preset = "title = \"Colours\"\n[data]\ndataset = \"folder\"\npath = \"colors\"\n[labels]\nper_class = 1\n\
                  [model]\nname = \"cnn\"\n[train]\nsteps = 6\nbatch = 3\nmu = 1\nwindow = 1\n[eval]\nevery = 3\n";
    std::fs::write(place.path("colors.toml"), preset).expect("written");
    place.path("colors.toml").display().to_string()
}

/// Opens the console on a finished run of these colours.
fn on_a_run(place: &Place) -> Terminal {
    let preset = colors(place);
    let mut trained = place.open(&["train", &preset]);
    assert!(trained.end().success(), "{}", trained.text());
    let terminal = place.open(&["attach"]);
    terminal.until("● finished");
    terminal
}

#[test]
fn an_order_is_made_and_browsed_a_set_is_saved_from_it_and_two_runs_race() {
    let place = Place::new();
    let mut terminal = on_a_run(&place);
    terminal.press("b");
    terminal.until("no order yet");
    terminal.until("set 3");
    // a run makes the order, which is there on the way back
    terminal.press("oagr\r");
    terminal.until("rank-folder-agreement");
    terminal.until("● finished");
    terminal.press("\x1b");
    terminal.until("by agreement");
    terminal.press("\r");
    terminal.until("predictions of the networks of agreement");
    terminal.until("nearest images by their pixels");
    terminal.press("\x1b");
    terminal.until("from the most to the least representative");
    terminal.press("f");
    terminal.until("start the label set from");
    terminal.press("least\r");
    terminal.until("mean rank");
    terminal.press("s\x15plain ones\r");
    terminal.until("cannot be a label set's name");
    terminal.press("\x15outliers\r");
    terminal.until("saved as outliers");
    let text = std::fs::read_to_string(place.path("state/label-sets/outliers.txt")).expect("saved");
    assert!(text.contains("# picked: least-representative by agreement, 1 per class"), "{text}");
    assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 3, "{text}");
    terminal.press("R");
    terminal.until("most against least by agreement, 1 of each class, with");
    terminal.press("\r");
    terminal.until("start two runs?");
    terminal.press("y");
    terminal.until_it("both runs are done", |text| text.matches("● finished").count() == 2);
    terminal.until("1, by agreement");
    terminal.until("least-representative");
    terminal.press("q");
    assert!(terminal.end().success());
    assert!(terminal.is_restored());
    let listed = place.open(&["labels", "list"]);
    listed.until("outliers");
    listed.until("least-representative by agreement, 1 per class");
}

#[test]
fn a_set_is_marked_by_hand_and_a_run_is_launched_from_it() {
    let place = Place::new();
    let mut terminal = on_a_run(&place);
    terminal.press("b");
    terminal.until("set 3");
    terminal.press("fnothing\r");
    terminal.until("set 0");
    terminal.press(" ");
    terminal.until("set 1");
    terminal.press("L");
    terminal.until("2 of 3 classes have no labeled image");
    for (number, n) in [(13, 2), (25, 3)] {
        terminal.press(&format!("/{number}\r "));
        terminal.until(&format!("set {n}"));
    }
    terminal.press("L");
    terminal.until("save the label set as");
    terminal.press("\x15mine\r");
    terminal.until("launch it with the preset");
    terminal.press("\r");
    terminal.until("labels.pick=file:");
    terminal.press("L");
    terminal.until("● finished");
    let runs = fixmatch::run::dir::RunDir::list(&place.runs()).expect("runs");
    let labels = std::fs::read_to_string(runs.last().expect("the newest").labels()).expect("labels");
    assert!(labels.contains("[0,13,25]"), "{labels}");
}
