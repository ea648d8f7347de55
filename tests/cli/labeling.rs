//! `fixmatch labels`, on the embedded images and made-up rankings of them.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use fixmatch::config::preset::Preset;
use fixmatch::config::{Data, Metric, Rank, RunConfig};
use fixmatch::data::{self, Dataset};
use fixmatch::labels::ranking::{self, Made, Ranking};
use fixmatch::labels::set::{Picked, from_indices};
use fixmatch::run::dir::RunDir;
use fixmatch::run::file::RunFile;
use serde_json::Value;

use super::Place;

static MINI: LazyLock<Dataset> =
    LazyLock::new(|| data::load(&Data::named("fashion-mini"), Path::new("")).expect("it is embedded"));

/// A ranking of the embedded images with these scores.
pub fn ranked(by: Metric, score: impl Fn(u32) -> f32) -> Ranking {
    let scores: Vec<f32> = (0..10_000).map(score).collect();
    Ranking {
        dataset: "fashion-mini".into(),
        data_digest: MINI.digest.clone(),
        rank: Rank { by, ..Rank::default() },
        needs_labels: by.needs_labels(),
        made: Made::default(),
        order: ranking::order(by, &scores),
        scores,
        clusters: None,
        predictions: None,
        neighbors: None,
    }
}

/// By agreement, of which less is more: the images in their own order.
pub fn forward() -> Ranking {
    ranked(Metric::Agreement, |index| index as f32)
}

impl Place {
    fn write_ranking(&self, name: &str, ranking: &Ranking) {
        ranking.write(&self.folder.path().join(name)).expect("written");
    }

    /// Puts a ranking where `fixmatch rank` would.
    pub fn cache(&self, ranking: &Ranking) {
        let mut config = RunConfig::default();
        config.data.dataset.clone_from(&ranking.dataset);
        let recipe = ranking::recipe(&ranking::standard_base(&config), ranking.rank.clone(), 10_000);
        let cached = ranking::cached_at(&recipe, &ranking.data_digest).expect("a home");
        self.write_ranking(&format!("cache/rankings/{}", cached.file_name().expect("a file").display()), ranking);
    }

    /// A run that has labeled these images.
    fn labeled_run(&self, name: &str, indices: &[u32]) -> RunDir {
        let dir = self.run(name, &[]);
        let mut set = from_indices(indices, 10_000).expect("valid");
        set.picked = Picked::PerClass { n: 1, seed: 9 };
        fs::write(dir.labels(), serde_json::to_vec(&set).expect("serialises")).expect("written");
        dir
    }

    fn json(&self, args: &[&str]) -> Value {
        let said = self.fixmatch(&[&["labels"], args, &["--json"]].concat());
        said.check(0, &[], &[]);
        serde_json::from_str(&said.out).expect("JSON")
    }

    /// The indices that `labels show` lists, in its order.
    fn shown(&self, args: &[&str]) -> Vec<u32> {
        let page = self.json(&[&["show"], args].concat());
        let images = page["images"].as_array().expect("images");
        images.iter().map(|image| image["index"].as_u64().expect("a number") as u32).collect()
    }
}

/// The images of each class, in the data set's order.
fn of_class(class: u16) -> Vec<u32> {
    let indices = 0..10_000;
    indices.filter(|&index| MINI.train.labels[index as usize] == class).collect()
}

/// Of each class, the images at these places in the data set's order.
fn at_places(places: &[usize]) -> Vec<u32> {
    (0..10).flat_map(|class| places.iter().map(move |&place| of_class(class)[place])).collect()
}

#[test]
fn a_set_is_shown_class_by_class_the_most_representative_first() {
    let place = Place::new();
    place.cache(&forward());
    place.cache(&ranked(Metric::Density, |index| index as f32));
    let mini = |args: &[&str]| place.shown(&[&["fashion-mini"], args].concat());
    assert_eq!(mini(&["--by", "agreement", "--per-class", "2"]), at_places(&[0, 1]));
    // of density, more is more
    assert_eq!(mini(&["--by", "density", "--per-class", "2"]), at_places(&[999, 998]));
    let least = ["--pick", "least-representative", "--by", "agreement", "--per-class", "2"];
    assert_eq!(mini(&least), at_places(&[998, 999]));
    assert_eq!(mini(&["--pick", "quantile:0.5", "--per-class", "1"]), at_places(&[500]));
    // an order also tells the ranks of images that were not picked by it
    let random = ["--pick", "random", "--seed", "3", "--per-class", "2"];
    let (by_index, by_density) = (mini(&random), mini(&[&random[..], &["--by", "density"]].concat()));
    assert_ne!(by_index, mini(&["--pick", "random", "--per-class", "2"]), "the seed counts");
    let pairs = by_index.chunks(2).zip(by_density.chunks(2));
    assert!(pairs.clone().count() == 10 && pairs.into_iter().all(|(up, down)| [up[1], up[0]] == down));
    assert_eq!(mini(&["--indices", "0,3,1"]), [1, 3, 0], "a T-shirt, a dress, an ankle boot");
}

#[test]
fn the_table_has_ranks_and_scores_and_their_mean() {
    let place = Place::new();
    place.cache(&forward());
    let said = place.fixmatch(&["labels", "show", "fashion-mini", "--by", "agreement", "--per-class", "1"]);
    let head = "10 images of fashion-mini: most-representative by agreement, 1 per class\n\nCLASS        INDEX  RANK  IN CLASS";
    let firsts = at_places(&[0]);
    let mean = firsts.iter().map(|index| f64::from(index + 1)).sum::<f64>() / 10.0;
    // the first image is an ankle boot, the second a T-shirt
    let rows = ["T-shirt/top      1     2         1   1.0000\n", "Ankle boot       0     1         1   0.0000\n"];
    said.check(0, &[head, rows[0], rows[1], &format!("mean rank by agreement: {mean:.1} of 10,000")], &[]);
    let page = place.json(&["show", "fashion-mini", "--by", "agreement", "--per-class", "1"]);
    assert_eq!(
        (&page["n"], &page["images"][0]["rank"], &page["images"][0]["score"]),
        (&10.into(), &2.into(), &1.0.into())
    );
    assert_eq!(
        (page["data_digest"].as_str(), page["order"]["mean_rank"].as_f64()),
        (Some(MINI.digest.as_str()), Some(mean))
    );
    let plain = place.fixmatch(&["labels", "show", "fashion-mini", "--per-class", "1"]);
    plain.check(0, &["random, 1 per class, seed 0\n\nCLASS        INDEX\nT-shirt/top"], &[]);
}

#[test]
fn a_set_has_many_names() {
    let place = Place::new();
    place.write_ranking("mine.json", &forward());
    let expected = place.shown(&["fashion-mini", "--per-class", "4", "--seed", "1"]);
    assert_eq!(place.shown(&["quickstart"]), expected, "a preset");
    assert_eq!(place.shown(&["quickstart", "--seed", "2"]), place.shown(&["fashion-mini", "--seed", "2"]));
    let preset = "[data]\ndataset = \"fashion-mini\"\n[labels]\nper_class = 1\npick = \"least-representative\"\nranking = \"mine.json\"\n";
    fs::write(place.folder.path().join("mine.toml"), preset).expect("written");
    assert_eq!(place.shown(&["mine.toml"]), at_places(&[999]), "a preset of one's own");
    assert_eq!(place.shown(&["fashion-mini", "--per-class", "1", "--ranking", "mine.json"]), at_places(&[0]));
    let list = format!("# data set: fashion-mini\n# digest: {}\n7 # a comment\n\n5\n", MINI.digest);
    fs::write(place.folder.path().join("list"), list).expect("written");
    let sorted = |mut indices: Vec<u32>| {
        indices.sort_unstable();
        indices
    };
    assert_eq!(sorted(place.shown(&["file:list"])), [5, 7]);
    assert_eq!(sorted(place.shown(&["fashion-mini", "--pick", "file:list"])), [5, 7]);
    place.labeled_run("first", &[1, 2]);
    let dir = place.labeled_run("second", &[3, 4]);
    assert_eq!(sorted(place.shown(&["first"])), [1, 2], "a run by a part of its name");
    assert_eq!(sorted(place.shown(&[&dir.path().display().to_string()])), [3, 4], "a run by its path");
    let newest = sorted(place.shown(&[]));
    assert!(newest == [1, 2] || newest == [3, 4], "one of the runs, made in one second: {newest:?}");
    assert_eq!(place.shown(&["second", "--pick", "random", "--seed", "1"]), expected, "picked anew from a run's data");
    let mut ranks = Preset::find("quickstart").and_then(|preset| preset.resolve(&[])).expect("resolves");
    (ranks.rank, ranks.train.lambda_u) = (Some(Rank::default()), 0.0);
    let dir = RunDir::create(&place.runs(), "ranks", &RunFile::new("x".into(), vec![], ranks)).expect("made");
    place.fixmatch(&["labels", "show", "ranks"]).check(1, &[], &["has not made its ranking yet; see `fixmatch show "]);
    forward().write(&dir.ranking()).expect("written");
    assert_eq!(place.shown(&["ranks", "--per-class", "1"]), at_places(&[0]), "a run that ranks");
}

#[test]
fn a_set_that_cannot_be_is_refused_with_the_numbers() {
    let place = Place::new();
    let folder = place.folder.path();
    place.write_ranking("mine.json", &forward());
    place.write_ranking("other.json", &Ranking { data_digest: "e".repeat(64), ..forward() });
    let short = Ranking { scores: vec![0.0; 3], order: vec![0, 1, 2], ..forward() };
    place.write_ranking("short.json", &short);
    place.write_ranking("twice.json", &Ranking { order: vec![0, 1, 1], ..short });
    fs::write(folder.join("nameless"), "1\n").expect("written");
    fs::write(folder.join("strange"), "# data set: mnist\n1\n").expect("written");
    fs::write(folder.join("elsewhere"), format!("# data set: fashion-mini\n# digest: {}\n1\n", "e".repeat(64)))
        .expect("written");
    fs::write(folder.join("beyond"), "# data set: fashion-mini\n3\n10000\n").expect("written");
    fs::write(folder.join("twice"), "# data set: fashion-mini\n3\n4\n3\n").expect("written");
    place.run("unstarted", &[]);
    let dir = place.labeled_run("broken", &[1]);
    fs::write(dir.labels(), "{\"indices\":[10000],\"picked\":\"listed\"}").expect("written");
    let digests = format!("with digest eeeeeeeeeeee…, this data set has 10000 with digest {:.12}…", MINI.digest);
    let mini = |args: &[&'static str]| [&["fashion-mini"], args].concat();
    let cases: [(Vec<&str>, &str); 24] = [
        (
            mini(&["--by", "density"]),
            "no ranking of fashion-mini by density with the standard recipe yet: make it with `fixmatch rank fashion-mini --by density`",
        ),
        (
            mini(&["--pick", "typical", "--per-class", "2"]),
            "make it with `fixmatch rank fashion-mini --by typicality --clusters 20`",
        ),
        (mini(&["--ranking", "other.json"]), &digests),
        (mini(&["--ranking", "short.json"]), "short.json: the ranking is of 3 images of \"fashion-mini\""),
        (mini(&["--ranking", "twice.json"]), "twice.json is no ranking: image 1 is in it twice"),
        (mini(&["--ranking", "none.json"]), "cannot read the ranking"),
        (
            mini(&["--ranking", "mine.json", "--per-class", "1001"]),
            "class 0 (T-shirt/top) has only 1000 training images",
        ),
        (
            mini(&["--per-class", "1001"]),
            "cannot label 1001 images of every class: class 0 (T-shirt/top) has only 1000",
        ),
        (mini(&["--pick", "fold:1", "--per-class", "1001"]), "cannot label 10010 of 10000 images"),
        (
            mini(&["--pick", "published:prototypicality-0"]),
            "of CIFAR-10 in its official order, which this data set (fashion-mini) is not",
        ),
        (mini(&["--indices", "1,10000"]), "there is no training image 10000: indices go from 0 to 9999"),
        (mini(&["--indices", "1,2,1"]), "labeled image 1 is listed twice"),
        (mini(&["--pick", "typical", "--by", "density"]), "--pick typical goes by typicality, not by density"),
        (
            mini(&["--pick", "random", "--pick", "typical"]),
            "--pick is given 2 times: 1 at most; `fixmatch labels compare`",
        ),
        (mini(&["--ranking", "mine.json", "--seed", "1"]), "--seed is for --pick random, not for most-representative"),
        (mini(&["--pick", "file:twice", "--per-class", "1"]), "--per-class has no part in file:twice: leave it out"),
        (
            vec!["file:nameless"],
            "nameless does not say whose images it lists; name the data set, as in cifar10 --pick file:",
        ),
        (vec!["file:strange"], "strange: there is no data set \"mnist\"; choose one of fashion-mini"),
        (
            vec!["file:elsewhere"],
            "elsewhere lists images of \"fashion-mini\" with digest eeeeeeeeeeee…, this data set is",
        ),
        (vec!["file:beyond"], "beyond:3: there is no training image 10000"),
        (vec!["file:twice"], "twice:4: image 3 is already on line 2"),
        (vec!["fashion"], "or saved label set (`fixmatch labels list`); did you mean fashion-mini or fashion-mnist?"),
        (vec!["unstarted"], "has no labels yet: its worker picks them when it starts"),
        (vec!["broken"], "labels.json: there is no training image 10000: indices go from 0 to 9999"),
    ];
    for (args, message) in cases {
        place.fixmatch(&[&["labels", "show"], &args[..]].concat()).check(1, &[], &["error: ", message]);
    }
    let wrong: [(&[&str], &str); 4] = [
        (&["--pick", "best"], "must be \"random\", \"all\", \"most-representative\""),
        (&["--indices", "1,two"], "\"two\" is not an index: write whole numbers, as in 1,2,3"),
        (&["--by", "density", "--ranking", "mine.json"], "cannot be used with"),
        (&["--indices", "1", "--seed", "1"], "cannot be used with"),
    ];
    for (args, message) in wrong {
        place.fixmatch(&[&["labels", "show", "fashion-mini"], args].concat()).check(2, &[], &[message]);
    }
}

#[test]
fn a_run_keeps_its_set_where_the_order_is_gone_or_the_data_changed() {
    let place = Place::new();
    let dir = place.labeled_run("it", &[1, 2]);
    let mut run = dir.read_run().expect("reads");
    run.config.labels.pick = fixmatch::config::Pick::MostRepresentative;
    dir.write_run(&run).expect("written");
    let said = place.fixmatch(&["labels", "show"]);
    said.check(
        0,
        &["2 images of fashion-mini"],
        &["without ranks: there is no ranking of fashion-mini by agreement", "no image of class 1"],
    );
    place.fixmatch(&["labels", "show", "--by", "agreement"]).check(1, &[], &["error: there is no ranking"]);
    place.cache(&forward());
    place.fixmatch(&["labels", "show"]).check(0, &["mean rank by agreement: 2.5 of 10,000"], &[]);
    let text = fs::read_to_string(dir.run_toml()).expect("reads");
    let environment = "[environment]\nhost = \"\"\ncpu = \"\"\ndevice = \"\"\nlibtorch = \"\"\nthreads = 1\nversion = \"\"\ndata_digest = \"eeeeeeeeeeeeee\"\ndata_known = false\n";
    fs::write(dir.run_toml(), text.replacen("[config]", &format!("{environment}[config]"), 1)).expect("written");
    place.fixmatch(&["labels", "show"]).check(
        1,
        &[],
        &["a data set with digest eeeeeeeeeeee…, the one on this machine has"],
    );
}

#[test]
fn two_sets_are_compared_class_by_class() {
    let place = Place::new();
    place.cache(&forward());
    let args = ["labels", "compare", "fashion-mini", "--by", "agreement", "--per-class", "3", "--per-class", "2"];
    let head = [
        "A  30 images: most-representative by agreement, 3 per class\nB  20 images: most-representative by agreement, 2",
        "20 in both: 66.7 % of A, 100.0 % of B\n\nCLASS         A   B  BOTH\nT-shirt/top   3   2     2\n",
        "\nall          30  20    20\n\nmean rank by agreement: A ",
    ];
    place.fixmatch(&args).check(0, &head, &[]);
    place.labeled_run("first", &[1, 2, 3]);
    place.labeled_run("second", &[3, 4]);
    let page = place.json(&["compare", "first", "second", "--by", "agreement"]);
    assert_eq!(page["both"], serde_json::json!([3]));
    assert_eq!(page["orders"][0]["mean_ranks"], serde_json::json!([3.0, 4.5]));
    assert_eq!(page["classes"][3]["n"], serde_json::json!([1, 1]), "the dress");
    assert!(page["spearman"].is_null() && page["orders"].as_array().is_some_and(|orders| orders.len() == 1));
    let plain = place.fixmatch(&["labels", "compare", "first", "second"]);
    plain.check(0, &["A  3 images: random, 1 per class, seed 9\n"], &[]);
    assert!(!plain.out.contains("mean rank"), "{}", plain.out);
}

#[test]
fn two_orders_are_compared_by_what_is_representative_not_by_the_sign_of_the_score() {
    let place = Place::new();
    place.cache(&forward());
    place.cache(&ranked(Metric::Density, |index| -(index as f32)));
    // backwards within one class, as the first in the others
    let mixed = |index: u32| if MINI.train.labels[index as usize] == 3 { -(index as f32) } else { index as f32 };
    place.write_ranking("mixed.json", &ranked(Metric::Agreement, mixed));
    let args = ["compare", "fashion-mini", "--by", "agreement", "--by", "density", "--per-class", "5"];
    let page = place.json(&args);
    assert_eq!((page["spearman"].as_f64(), page["both"].as_array().map(Vec::len)), (Some(1.0), Some(50)));
    place.write_ranking("forward.json", &forward());
    let files = ["compare", "fashion-mini", "--ranking", "forward.json", "--ranking", "mixed.json", "--per-class", "5"];
    let page = place.json(&files);
    let of_class = |class: usize| page["classes"][class]["spearman"].as_f64().expect("a number");
    assert_eq!((of_class(0), of_class(3)), (1.0, -1.0));
    assert_eq!((&page["classes"][0]["n_both"], &page["classes"][3]["n_both"]), (&5.into(), &0.into()));
    assert!(page["spearman"].as_f64().is_some_and(|all| all > 0.0 && all < 1.0), "{page}");
    let text = place.fixmatch(&[&["labels"], &files[..]].concat());
    text.check(
        0,
        &["BOTH  SPEARMAN\nT-shirt/top   5   5     5     1.000\n", "Dress         5   5     0    -1.000"],
        &[],
    );
}

#[test]
fn a_ranking_by_other_networks_is_offered_where_the_usual_one_is_missing() {
    let place = Place::new();
    let ranking = forward();
    let quick = Rank { members: 2, epochs: 1, ..ranking.rank.clone() };
    place.cache(&Ranking { rank: quick, ..ranking });
    place.fixmatch(&["labels", "show", "fashion-mini", "--by", "agreement"]).check(
        1,
        &[],
        &["--by agreement`, or use --ranking /", ".json (2 networks × 1 epoch, by labels)"],
    );
}

#[test]
fn sets_that_cannot_be_compared_are_refused() {
    let place = Place::new();
    let folder = place.folder.path();
    place.labeled_run("it", &[1]);
    for class in ["a", "b"] {
        for part in ["train", "test"] {
            let path = folder.join("own").join(part).join(class);
            fs::create_dir_all(&path).expect("made");
            image::GrayImage::new(4, 4).save(path.join("x.png")).expect("saved");
        }
    }
    fs::write(folder.join("own.toml"), "[data]\ndataset = \"folder\"\npath = \"own\"\n[labels]\nper_class = 1")
        .expect("written");
    let cases: [(&[&str], &str); 5] = [
        (&["it"], "name two label sets, or give the option twice"),
        (
            &["fashion-mini", "--by", "agreement", "--by", "density"],
            "make it with `fixmatch rank fashion-mini --by agreement`",
        ),
        (&["it", "it", "--seed", "1", "--seed", "2", "--seed", "3"], "--seed is given 3 times: 2 at most"),
        (&["it", "own.toml"], "these are of \"fashion-mini\" with digest 34bf8a973d60… and \"folder\" with digest"),
        (&["it", "nobody"], "\"nobody\" is no data set (`fixmatch data list`), preset"),
    ];
    for (args, message) in cases {
        place.fixmatch(&[&["labels", "compare"], args].concat()).check(1, &[], &["error: ", message]);
    }
    place.fixmatch(&["labels", "compare", "a", "b", "c"]).check(2, &[], &["unexpected"]);
}

#[test]
fn a_set_that_is_written_is_the_set_that_a_preset_loads() {
    let place = Place::new();
    place.write_ranking("mine.json", &forward());
    let made = |args: &[&str]| {
        let args = [&["labels", "make"], args, &["--force", "-o", "my set"]].concat();
        place.fixmatch(&args).check(0, &["my set\nin a preset's [labels]: pick = \"file:/"], &[]);
        fs::read_to_string(place.folder.path().join("my set")).expect("written")
    };
    let best = ["fashion-mini", "--ranking", "mine.json", "--per-class", "1"];
    let text = made(&best);
    let head = format!(
        "# 10 training images, one index a line, counted from 0\n# data set: fashion-mini\n# digest: {}\n",
        MINI.digest
    );
    assert!(text.starts_with(&head), "{text}");
    assert!(text.contains("\n# picked: most-representative by agreement, 1 per class, ranking mine.json\n"), "{text}");
    assert!(text.contains(fixmatch::VERSION) && text.contains("\n1  # T-shirt/top\n16  # Trouser\n"), "{text}");
    fs::write(
        place.folder.path().join("mine.toml"),
        "[data]\ndataset = \"fashion-mini\"\n[labels]\npick = \"file:my set\"",
    )
    .expect("written");
    assert_eq!(place.shown(&["mine.toml"]), at_places(&[0]));
    // 1 is the first T-shirt, 2 the next one; 0 and 11 are the first ankle boots
    assert_eq!(of_class(0)[..2], [1, 2]);
    let boot = of_class(9)[1];
    let (swap, add) = ("1=2".to_owned(), boot.to_string());
    let edited = made(&[&best[..], &["--swap", &swap, "--add", &add, "--remove", "0"]].concat());
    let how = format!("ranking mine.json; without 0; with {boot}; 2 for 1\n");
    assert!(edited.contains(&how), "{edited}");
    let mut expected = at_places(&[0]);
    (expected[0], expected[9]) = (2, boot);
    assert_eq!(place.shown(&["file:my set"]), expected);
    // in place, from the file itself
    made(&["file:my set", "--swap", "2=1"]);
    assert_eq!(place.shown(&["file:my set"])[0], 1);
    made(&["fashion-mini", "--indices", "3,1", "--allow-missing-classes"]);
    assert_eq!(place.shown(&["file:my set"]), [1, 3]);
}

#[test]
fn a_set_that_cannot_be_written_leaves_no_file() {
    let place = Place::new();
    let old = place.folder.path().join("old");
    fs::write(&old, "old").expect("written");
    let cases: [(&[&str], &str); 12] = [
        (&["-o", "old"], "old exists; --force overwrites it"),
        (&["-o", "."], " is a folder"),
        (&["-o", "nowhere/new"], "nowhere/new: there is no folder"),
        (
            &["-o", "new", "--indices", "0,1,3"],
            "7 of 10 classes have no labeled image: 1 (Trouser), 2 (Pullover), 4 (Coat)",
        ),
        (
            &["-o", "new", "--indices", "0", "--remove", "0", "--allow-missing-classes"],
            "no image is left in the label set",
        ),
        (&["-o", "new", "--indices", "0", "--remove", "5"], "--remove 5: image 5 is not in the label set"),
        (&["-o", "new", "--indices", "0", "--add", "0"], "--add 0: image 0 is in the label set already"),
        (
            &["-o", "new", "--indices", "0", "--add", "4,10000"],
            "--add 10000: there is no training image 10000: indices go from 0",
        ),
        (&["-o", "new", "--indices", "0", "--swap", "5=1"], "--swap 5=1: image 5 is not in the label set"),
        (&["-o", "new", "--indices", "0,1", "--swap", "0=1"], "--swap 0=1: image 1 is in the label set already"),
        (&["-o", "new", "--per-class", "1001"], "has only 1000 training images"),
        (&["-o", "new", "--by", "density"], "make it with `fixmatch rank fashion-mini --by density`"),
    ];
    for (args, message) in cases {
        place.fixmatch(&[&["labels", "make", "fashion-mini"], args].concat()).check(1, &[], &["error: ", message]);
    }
    let swap = ["labels", "make", "fashion-mini", "-o", "new", "--swap", "5"];
    place.fixmatch(&swap).check(2, &[], &["must be OLD=NEW, two indices, as in 12=345"]);
    assert_eq!(fs::read(&old).expect("reads"), b"old");
    assert_eq!(fs::read_dir(place.folder.path()).expect("reads").count(), 1, "a refused command left a file");
}

/// The pictures of an SVG sheet: left, top and width.
fn pictures(svg: &str) -> Vec<[usize; 3]> {
    let value = |tag: &str, key: &str| {
        let rest = tag.split_once(&format!(" {key}=\"")).expect("an attribute").1;
        rest.split_once('"').expect("its end").0.parse().expect("a number")
    };
    svg.split("<image").skip(1).map(|tag| ["x", "y", "width"].map(|key| value(tag, key))).collect()
}

#[test]
fn a_sheet_has_a_row_a_class_of_enlarged_images_the_same_as_pixels_and_as_a_drawing() {
    let place = Place::new();
    place.cache(&forward());
    let args =
        ["labels", "show", "fashion-mini", "--by", "agreement", "--per-class", "3", "--png", "a.png", "--svg", "a.svg"];
    let said = place.fixmatch(&args);
    said.check(0, &[""], &["a.png: ", "a.svg: ", " pixels"]);
    assert_eq!(said.out, "");
    let svg = fs::read_to_string(place.folder.path().join("a.svg")).expect("written");
    let png = image::open(place.folder.path().join("a.png")).expect("a PNG").to_rgb8();
    assert!(svg.contains(&format!("viewBox=\"0 0 {} {}\"", png.width(), png.height())), "{}", &svg[..400]);
    let mean = at_places(&[0, 1, 2]).iter().map(|index| f64::from(index + 1)).sum::<f64>() / 30.0;
    let note = format!(", mean rank {mean:.0} of 10,000 by agreement</text>");
    for text in [
        ">most-representative by agreement, 3 per class</text>",
        &note,
        " text-anchor=\"end\">Ankle boot</text>",
        "<title>Ankle boot 0, rank 1, score 0.0000</title>",
    ] {
        assert!(svg.contains(text), "{text} is missing");
    }
    let pictures = pictures(&svg);
    assert_eq!(pictures.len(), 30);
    for (&[left, top, width], index) in pictures.iter().zip(at_places(&[0, 1, 2])) {
        assert_eq!(width, 56, "twice 28");
        let pixels = MINI.train.pixels_of(index as usize);
        for (x, y) in [(0, 0), (1, 1), (20, 31), (33, 34), (55, 55)] {
            let gray = pixels[y / 2 * 28 + x / 2];
            assert_eq!(png.get_pixel((left + x) as u32, (top + y) as u32).0, [gray; 3], "image {index} at {x}, {y}");
        }
    }
    let row = |class: usize| pictures[3 * class][1];
    assert!(
        (1..10).all(|class| row(class) > row(class - 1)) && pictures[..3].iter().all(|picture| picture[1] == row(0))
    );
    let has_ink = |x: std::ops::Range<u32>, y: usize| {
        x.clone().any(|x| (0..56).any(|dy| png.get_pixel(x, y as u32 + dy).0 != [255; 3]))
    };
    assert!((0..10).all(|class| has_ink(20..pictures[0][0] as u32 - 5, row(class))), "a class without its name");
}

#[test]
fn two_sets_stand_beside_each_other_in_the_same_rows() {
    let place = Place::new();
    place.labeled_run("few", &[0, 1]);
    let args = ["labels", "compare", "few", "fashion-mini", "--svg", "a.svg", "--pick", "random"];
    // a pick is for both: 22 in two rows of 11
    let picked_anew = [&args[..], &["--per-class", "22", "--per-class", "4"]].concat();
    place.fixmatch(&picked_anew).check(0, &[], &[]);
    let svg = || fs::read_to_string(place.folder.path().join("a.svg")).expect("written");
    let found = pictures(&svg());
    assert_eq!(found.len(), 260);
    let (left, right) = found.split_at(220);
    assert_eq!(left[10][1], left[0][1], "eleven in a row");
    assert!(left[11][1] > left[0][1] && left[11][0] == left[0][0], "then the next row");
    for class in 0..10 {
        assert_eq!(left[22 * class][1], right[4 * class][1], "class {class}");
    }
    assert!(right.iter().all(|picture| picture[0] > left[10][0]));
    let as_recorded = ["labels", "compare", "few", "fashion-mini", "--svg", "a.svg"];
    place.fixmatch(&as_recorded).check(1, &[], &["a.svg exists; --force overwrites it"]);
    place.fixmatch(&[&as_recorded[..], &["--force"]].concat()).check(
        0,
        &[],
        &["no image of class 1 (Trouser) is labeled"],
    );
    assert_eq!(pictures(&svg()).len(), 42);
    assert!(svg().contains(">Trouser</text>"), "a class without images has its row");
}

#[test]
fn names_of_classes_cannot_break_a_drawing() {
    let place = Place::new();
    for class in ["a<b>&'c\"", "Stra\u{df}e \u{1f600}"] {
        for part in ["train", "test"] {
            let path = place.folder.path().join("own").join(part).join(class);
            fs::create_dir_all(&path).expect("made");
            image::RgbImage::new(300, 2).save(path.join("x.png")).expect("saved");
        }
    }
    let args = ["labels", "show", "folder", "--path", "own", "--per-class", "1", "--svg", "a.svg", "--png", "a.png"];
    place.fixmatch(&args).check(0, &[], &["a.png: "]);
    let svg = fs::read_to_string(place.folder.path().join("a.svg")).expect("written");
    assert!(svg.contains(">a&lt;b&gt;&amp;'c\"</text>") && svg.contains(">Stra\u{df}e \u{1f600}</text>"), "{svg}");
    assert_eq!(pictures(&svg)[0][2], 300, "a large image stays as it is");
}

#[test]
fn a_sheet_that_cannot_be_drawn_leaves_no_file() {
    let place = Place::new();
    let cases: [(&[&str], &str); 4] = [
        (&["--png", "a.jpg"], "a.jpg must end in .png, for that is what is written"),
        (&["--svg", "a.png"], "a.png must end in .svg"),
        (&["--png", "nowhere/a.png"], "nowhere/a.png: there is no folder"),
        (&["--png", "a.png", "--per-class", "1000"], "and at most 16384×16384 are possible: ask for fewer images"),
    ];
    for (args, message) in cases {
        let args = [&["labels", "show", "fashion-mini"], args].concat();
        place.fixmatch(&args).check(1, &[], &["error: ", message]);
    }
    assert_eq!(fs::read_dir(place.folder.path()).expect("reads").count(), 0);
}

#[test]
fn a_set_is_saved_under_a_name_listed_and_found_by_it() {
    let place = Place::new();
    place.cache(&forward());
    let make = ["labels", "make", "fashion-mini", "--by", "agreement", "--per-class", "1", "--name"];
    let said = place.fixmatch(&[&make[..], &["best-ten"]].concat());
    said.check(0, &["10 images of fashion-mini", "label-sets/best-ten.txt"], &[]);
    let page = place.json(&["list"]);
    let set = &page["saved"][0];
    assert_eq!((set["name"].as_str(), set["n"].as_u64()), (Some("best-ten"), Some(10)));
    assert_eq!(page["orders"][0]["by"], "agreement");
    assert_eq!(page["published"].as_array().map(Vec::len), Some(8));
    assert_eq!(place.shown(&["best-ten"]), place.shown(&["fashion-mini", "--by", "agreement", "--per-class", "1"]));
    let listed = place.fixmatch(&["labels", "list"]);
    listed.check(0, &["agreement  fashion-mini  10,000", "best-ten  fashion-mini  10", "prototypicality-7"], &[]);
    for (name, reason) in
        [("best-ten", "best-ten.txt exists; --force overwrites it"), ("../best", "cannot be a label set's name")]
    {
        place.fixmatch(&[&make[..], &[name]].concat()).check(1, &[], &[reason]);
    }
    place.fixmatch(&["labels", "make", "fashion-mini"]).check(2, &[], &["--output <FILE>"]);
}
