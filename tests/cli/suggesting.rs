//! Which images to label first and next: `fixmatch labels suggest` and `advise`, on made-up features and histories.

use std::fs;

use fixmatch::config::preset::Preset;
use fixmatch::config::{Data, Metric, Pick, Rank};
use fixmatch::data::means::NONE;
use fixmatch::data::{self, Dataset};
use fixmatch::labels::ranking::{self, Made, Ranking};
use fixmatch::labels::{file, pick};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::file::RunFile;
use fixmatch::run::insight::{InsightFile, Opinion, Panel, Record, Verdict};
use serde_json::Value;

use super::{Place, append, launched, progress, started};

impl Place {
    fn heap(&self) -> Dataset {
        let data = Data { path: Some(self.folder.path().join("heap")), ..Data::named("folder") };
        data::load_with(&data, self.folder.path(), &NONE).expect("a heap")
    }

    /// Sixteen images of unknown class, in clusters of 9 and 7, the later ones more typical.
    pub fn clustered_heap(&self) {
        for i in 0..16 {
            self.save_image(&format!("heap/{i:02}.png"), 10 * i);
        }
        let heap = self.heap();
        let scores: Vec<f32> = (0..16_u8).map(f32::from).collect();
        let rank = Rank { by: Metric::Typicality, clusters: 2, ..Rank::default() };
        let ranking = Ranking {
            dataset: heap.name,
            data_digest: heap.digest,
            needs_labels: false,
            made: Made { version: "0".into(), run: "rank-folder-typicality".into() },
            order: ranking::order(rank.by, &scores),
            rank,
            scores,
            clusters: Some([[0; 9].as_slice(), &[1; 7]].concat()),
            predictions: None,
            neighbors: None,
        };
        ranking.write(&self.folder.path().join("cache/rankings/folder-typicality-1.json")).expect("written");
    }

    /// A run on that heap whose two networks said things of images 4 to 7 at two evaluations.
    pub fn advised_run(&self) -> RunDir {
        fs::write(
            self.folder.path().join("labels.csv"),
            "path,label\nheap/00.png,cats\nheap/01.png,dogs\nheap/03.png,cats\n",
        )
        .expect("written");
        let mut config = Preset::find("quickstart").and_then(|preset| preset.resolve(&[])).expect("resolves");
        config.data = Data { path: Some(self.folder.path().join("heap")), ..Data::named("folder") };
        config.labels.pick = Pick::File(self.folder.path().join("labels.csv"));
        let run = RunFile::new("heap".into(), vec![], config.clone());
        let dir = RunDir::create(&self.runs(), "advised", &run).expect("made");
        let set = pick::pick(&config.labels, &self.heap(), None).expect("labels");
        fs::write(dir.labels(), serde_json::to_vec(&set).expect("serialises")).expect("written");
        append(&dir, &[launched(), started()]);
        let mut file = InsightFile::open(&dir.insight(), &[]).expect("opens");
        let opinion = |(index, ema, online)| {
            let [ema, online] = [ema, online].map(|class| Verdict { class, confidence: 0.5 });
            Opinion { index, label: None, ema, online }
        };
        for (step, said) in
            [(10, [(4, 0, 0), (5, 1, 1), (6, 0, 1), (7, 1, 1)]), (20, [(4, 0, 0), (5, 0, 0), (6, 0, 0), (7, 1, 1)])]
        {
            let unlabeled = said.into_iter().map(opinion).collect();
            let pointer = file.append(&Record::Panel(Panel { step, unlabeled, labeled: vec![] })).expect("appended");
            append(&dir, &[progress(step), Event::Insight(pointer)]);
        }
        dir
    }
}

#[test]
fn label_files_of_a_heap_are_compared_where_they_have_the_same_classes() {
    let place = Place::new();
    place.clustered_heap();
    let write = |name: &str, rows: &str| {
        fs::write(place.folder.path().join(name), format!("path,label\n{rows}")).expect("written");
    };
    write("a.csv", "heap/00.png,cat\nheap/01.png,dog\nheap/02.png,dog\n");
    write("b.csv", "heap/00.png,bird\nheap/01.png,cat\n");
    write("c.csv", "heap/00.png,dog\nheap/03.png,cat\n");
    let compare = |a: &str, b: &str| {
        let picks = ["--pick", a, "--pick", b, "--json"];
        place.fixmatch(&[&["labels", "compare", "folder", "--path", "heap"][..], &picks].concat())
    };
    compare("file:a.csv", "file:b.csv").check(1, &[], &["a.csv has cat, dog, and file:", "b.csv has bird, cat"]);
    let said = compare("file:a.csv", "file:c.csv");
    said.check(0, &[], &[]);
    let page: Value = serde_json::from_str(&said.out).expect("JSON");
    let counts = |class: usize| (page["classes"][class]["class_name"].clone(), page["classes"][class]["n"].clone());
    // the image that is in both has the class in each that this one gives it
    assert_eq!(counts(0), ("cat".into(), serde_json::json!([1, 1])));
    assert_eq!(counts(1), ("dog".into(), serde_json::json!([2, 1])));
}

#[test]
fn ranks_in_classes_are_by_the_classes_that_a_label_file_gives() {
    let place = Place::new();
    place.clustered_heap();
    let rows = "path,label\nheap/00.png,cat\nheap/01.png,dog\nheap/03.png,cat\n";
    fs::write(place.folder.path().join("a.csv"), rows).expect("written");
    let ranking = ["--ranking", "cache/rankings/folder-typicality-1.json"];
    let show = ["labels", "show", "folder", "--path", "heap", "--pick", "file:a.csv", "--json"];
    let said = place.fixmatch(&[&show[..], &ranking].concat());
    said.check(0, &[], &[]);
    let page: Value = serde_json::from_str(&said.out).expect("JSON");
    let images = page["images"].as_array().expect("images");
    let numbers = |image: &Value| ["index", "rank", "class_rank"].map(|key| image[key].as_u64().expect("a number"));
    let ranks: Vec<_> = images.iter().map(numbers).collect();
    assert_eq!(ranks, [[3, 13, 1], [0, 16, 2], [1, 15, 1]]);
    place.fixmatch(&show[..7]).check(0, &["FILE", "heap/03.png"], &[]);
}

#[test]
fn one_image_of_each_cluster_is_suggested_by_its_file() {
    let place = Place::new();
    place.clustered_heap();
    let suggest = |args: &[&str]| place.fixmatch(&[&["labels", "suggest", "heap"], args].concat());
    let said = suggest(&["--budget", "3"]);
    said.check(0, &["IMAGE", "heap/08.png", "heap/15.png", "heap/07.png"], &["are those of rank-folder-typicality"]);
    let said = suggest(&["--budget", "2", "--json"]);
    let page: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((&page["images"][0]["cluster_size"], &page["images"][1]["index"]), (&9.into(), &15.into()));
    // with one of the larger cluster labeled, the other one comes first
    fs::write(place.folder.path().join("some.csv"), "path,label\nheap/02.png,cat\n").expect("written");
    let said = suggest(&["--budget", "1", "--labels", "some.csv"]);
    said.check(0, &["heap/15.png"], &[]);
    assert!(!said.out.contains("08.png"), "{}", said.out);
    suggest(&["--budget", "40"]).check(
        0,
        &["heap/00.png"],
        &["there are only 16 images to label", "--clusters 16 learns anew"],
    );
    // the list is a label file once it is filled in
    suggest(&["--budget", "2", "--csv", "-o", "next.csv", "--png", "next.png"]).check(0, &[], &["next.csv is written"]);
    let path = place.folder.path().join("next.csv");
    let list = fs::read_to_string(&path).expect("written");
    assert!(list.starts_with("path,label,cluster,typicality\nheap/08.png,,0,8\nheap/15.png,,1,15\n"), "{list}");
    fs::write(&path, list.replacen(",,", ",cat,", 1).replacen(",,", ",dog,", 1)).expect("written");
    suggest(&["--budget", "2", "--csv", "-o", "next.csv"]).check(1, &[], &["next.csv exists; --force overwrites it"]);
    assert_eq!(file::read(&path, &place.heap()).expect("a label set").indices, [8, 15]);
    let sheet = image::open(place.folder.path().join("next.png")).expect("a picture");
    assert!(sheet.width() > 200 && sheet.height() > 150, "{}×{}", sheet.width(), sheet.height());
}

#[test]
fn what_nothing_can_be_suggested_of_is_refused_before_anything_is_learned() {
    let place = Place::new();
    place.clustered_heap();
    for (args, expected) in [
        (&["labels", "suggest", "hepa"][..], "there is no hepa: name a folder, a list of images or a data set"),
        (&["labels", "suggest", "heap", "--path", "heap"], "--path is for a data set, and heap is a path itself"),
        (&["labels", "suggest", "heap", "--labels", "none.csv"], "cannot read the label set none.csv"),
        (
            &["rank", "folder", "--path", "heap", "--by", "agreement"],
            "agreement needs the class of every training image",
        ),
    ] {
        place.fixmatch(args).check(1, &[], &[expected]);
    }
    assert!(!place.runs().exists(), "no run was made");
}

#[test]
fn the_next_images_are_advised_with_reasons_and_how_to_go_on() {
    let place = Place::new();
    place.clustered_heap();
    let dir = place.advised_run();
    let said = place.fixmatch(&["labels", "advise", "advised", "--budget", "2"]);
    let fork = format!("fixmatch fork {} --set labels.pick=file:", dir.id());
    said.check(0, &["its class flipped 1 of 1 times", "the trained network disagreed 1 of 2 times", &fork], &[]);
    let place_of = |name: &str| said.out.find(name).unwrap_or_else(|| panic!("no {name}: {}", said.out));
    assert!(place_of("heap/05.png") < place_of("heap/06.png"), "{}", said.out);
    // what the file says by now is not advised again
    let labels = place.folder.path().join("labels.csv");
    let more = fs::read_to_string(&labels).expect("there") + "heap/05.png,dogs\n";
    fs::write(&labels, more).expect("written");
    let said = place.fixmatch(&["labels", "advise", "advised", "--budget", "9", "--csv"]);
    said.check(0, &["path,label,score,reason\n", "/heap/06.png,,"], &[]);
    assert!(!said.out.contains("05.png"), "{}", said.out);
    place.run("early", &[launched(), started()]);
    place.fixmatch(&["labels", "advise", "early"]).check(1, &[], &["has not said anything of unlabeled images yet"]);
}
