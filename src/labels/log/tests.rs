use std::fs;
use std::io::Write as _;

use super::*;

fn row(path: &str, answer: Answer) -> Row {
    let time = "2026-11-26T05:24:10.114Z".to_owned();
    Row { line: 0, path: path.into(), answer, time, who: "me".into(), guess: None, seconds: Some(2.44) }
}

fn class(path: &str, class: &str) -> Row {
    row(path, Answer::Class(class.into()))
}

fn names(news: &News) -> Vec<String> {
    news.rows.iter().map(|row| format!("{} {}", row.line, row.path.display())).collect()
}

#[test]
fn what_was_answered_is_read_back_whatever_it_is_called() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labels.csv");
    let mut log = Log::at(&path);
    let odd = PathBuf::from(OsStr::from_bytes(b"caf\xe9/a \"b\",\n.jpg"));
    let rows = [
        Row { path: odd, guess: Some("dog".into()), ..class("", "cat\n\x1b[2J,\"7\"") },
        row("b.png", Answer::Unsure),
        row("b.png", Answer::Skip),
        row("b.png", Answer::Undo),
    ];
    let news = log.append(&rows).expect("written");
    let same = |row: &Row| Row { line: 0, seconds: Some(2.44), ..row.clone() };
    assert_eq!(news.rows.iter().map(same).collect::<Vec<_>>(), rows);
    assert_eq!(news.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 5, 6, 7]);
    assert_eq!(Log::at(&path).read().expect("reads").rows, news.rows);
    let text = fs::read(&path).expect("there");
    assert!(text.starts_with(b"path,label,answer,time,who,guess,seconds\n"));
}

#[test]
fn two_who_answer_at_once_see_each_other_and_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labels.csv");
    let each = |who: usize| {
        let mut log = Log::at(&path);
        let mut n_seen = 0;
        for n in 0..50 {
            let news = log.append(&[class(&format!("{who}-{n}"), "cat")]).expect("written");
            n_seen += news.rows.len();
        }
        n_seen += log.read().expect("reads").rows.len();
        n_seen
    };
    let seen: Vec<usize> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|who| scope.spawn(move || each(who))).collect();
        threads.into_iter().map(|thread| thread.join().expect("ends")).collect()
    });
    assert!(seen.iter().all(|n| (50..=200).contains(n)), "{seen:?}");
    assert_eq!(Log::at(&path).read().expect("reads").rows.len(), 200);
    assert_eq!(fs::read_to_string(&path).expect("there").lines().count(), 201);
}

#[test]
fn a_line_cut_anywhere_is_passed_over_and_takes_nothing_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labels.csv");
    for last in [class("b.jpg", "cat"), class("b,\n\"c\".jpg", "dog, or \"cat\"")] {
        let mut log = Log::at(&path);
        log.append(&[class("a.jpg", "cat")]).expect("written");
        let whole = fs::read(&path).expect("there");
        log.append(std::slice::from_ref(&last)).expect("written");
        let all = fs::read(&path).expect("there");
        for cut in whole.len() + 1..all.len() {
            fs::write(&path, &all[..cut]).expect("written");
            let (rows, torn) = rows_of(&all[..cut]).expect("reads").expect("a file of answers");
            let is_whole = cut == all.len() - 1; // but for its line's end
            assert_eq!((rows.len(), torn.is_none()), if is_whole { (2, true) } else { (1, false) }, "{cut}");
            let mut log = Log::at(&path);
            let news = log.read().expect("reads");
            assert_eq!((news.rows.len(), news.torn), (rows.len(), torn), "{cut}");
            let added = log.append(&[class("d.jpg", "frog")]).expect("written");
            assert_eq!(added.rows.last().map(|row| &*row.path), Some(Path::new("d.jpg")), "{cut}");
            let news = Log::at(&path).read().expect("reads");
            assert_eq!((news.rows.len(), news.torn), (rows.len() + 1, None), "{cut}");
        }
        fs::remove_file(&path).expect("removed");
    }
    // blocks that were never written are zeros
    let mut log = Log::at(&path);
    log.append(&[class("a.jpg", "cat")]).expect("written");
    fs::OpenOptions::new().append(true).open(&path).expect("opens").write_all(&[0; 60]).expect("written");
    assert!(Log::at(&path).read().expect("reads").torn.is_some());
    assert_eq!(log.append(&[class("b.jpg", "cat")]).expect("written").rows.len(), 1);
    assert_eq!(names(&Log::at(&path).read().expect("reads")), ["2 a.jpg", "3 b.jpg"]);
}

#[test]
fn a_head_cut_anywhere_is_written_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labels.csv");
    let head = b"path,label,answer,time,who,guess,seconds\n";
    for cut in 0..=head.len() {
        fs::write(&path, &head[..cut]).expect("written");
        assert_eq!(Log::at(&path).append(&[class("a.jpg", "cat")]).expect("written").rows.len(), 1, "{cut}");
        assert_eq!(Log::at(&path).read().expect("reads").rows.len(), 1, "{cut}");
    }
}

#[test]
fn what_is_not_understood_is_named_by_line_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labels.csv");
    let good = "a,cat,class,,,,\n";
    for (text, expected) in [
        ("a\nb\n", "is no file of answers: its first line is not path,label,answer,time,who,guess,seconds"),
        ("12\n", "is no file of answers"),
        ("path,label,answer,time,who,guess,seconds\na,cat\n", "line 2: it has 2 columns, and the first line names 7"),
        (
            "path,label,answer,time,who,guess,seconds\n\n\na,cat,clas,,,,\n",
            "line 4: column answer: \"clas\" is none; did you",
        ),
        ("path,label,answer,time,who,guess,seconds\na,,class,,,,\n", "line 2: column label: it is empty"),
        ("path,label,answer,time,who,guess,seconds\n,cat,class,,,,\n", "line 2: column path: it is empty"),
        ("path,label,answer,time,who,guess,seconds\na,cat,class,,,,x\n", "line 2: column seconds: x is no number"),
        (
            &format!("path,label,answer,time,who,guess,seconds\n{good}\"b,cat,class,,,,\n{good}{good}"),
            "line 3: a quotation mark opens and does not close before line 4",
        ),
        (
            "path,label,split\na,cat,\n",
            "has other columns than path,label,answer,time,who,guess,seconds: it is no file",
        ),
    ] {
        fs::write(&path, text).expect("written");
        let error = format!("{:#}", Log::at(&path).append(&[class("z", "cat")]).expect_err(expected));
        assert!(error.contains(expected), "{text:?}: {error}");
        assert_eq!(fs::read_to_string(&path).expect("there"), text);
    }
}

#[test]
fn a_plain_list_is_one_answer_a_row_and_names_no_image_twice() {
    let read = |text: &str| rows_of(text.as_bytes());
    let (rows, torn) = read("\u{feff}label, Path\r\ncat,a\r\n,b\r\n").expect("reads").expect("a list");
    assert_eq!(rows.iter().map(|row| &row.answer).collect::<Vec<_>>(), [&Answer::Class("cat".into()), &Answer::Skip]);
    assert_eq!((torn, rows[1].line), (None, 3));
    let error = format!("{:#}", read("path,label\na,cat\nb,cat\na,dog\n").expect_err("twice"));
    assert_eq!(error, "line 4: line 2 names a already");
    assert!(read("1\n2\n").expect("another kind").is_none());
    assert!(read("").expect("another kind").is_none());
}

#[test]
fn a_file_that_was_cut_or_is_gone_is_read_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labels.csv");
    let mut log = Log::at(&path);
    assert_eq!(log.read().expect("not there yet"), News::default());
    log.append(&[class("a", "cat"), class("b", "cat")]).expect("written");
    let text = fs::read_to_string(&path).expect("there");
    let shorter = text.split_inclusive('\n').take(2).collect::<String>();
    fs::write(&path, shorter).expect("written");
    let news = log.read().expect("reads");
    assert_eq!((names(&news), news.is_anew), (vec!["2 a".to_owned()], true));
    fs::write(&path, text.replace("cat", "dog")).expect("edited");
    let news = log.read().expect("reads");
    assert_eq!((names(&news), news.is_anew), (vec!["2 a".to_owned(), "3 b".to_owned()], true));
    assert_eq!(log.read().expect("the same"), News::default());
    fs::write(&path, text.replace("cat", "bat")).expect("edited to the same length");
    assert!(log.read().expect("reads").is_anew);
    fs::remove_file(&path).expect("removed");
    assert_eq!(log.read().expect("gone"), News { is_anew: true, ..News::default() });
    assert_eq!(log.append(&[class("c", "cat")]).expect("written").rows.len(), 1);
}
