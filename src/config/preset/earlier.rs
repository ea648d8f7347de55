//! Names of presets that earlier versions shipped as a file each: cells of grids, which suites make from axes.

/// The text of a preset under its earlier name.
pub fn text(name: &str) -> Option<String> {
    which_labels(name).or_else(|| augmentation(name))
}

/// `which-labels/MODEL-N-ORDER-PLACE`, N being the labels per class.
fn which_labels(name: &str) -> Option<String> {
    let (model, rest) = name.strip_prefix("which-labels/")?.split_once('-')?;
    let (per_class, set) = rest.split_once('-')?;
    let base = match (model, per_class) {
        ("cnn", "1" | "4" | "10") | ("wrn", "1" | "4") => format!("which-labels/_{model}"),
        _ => return None,
    };
    let (pick, by) = match (set, set.strip_prefix("published-")) {
        ("random", _) => ("random".to_owned(), "agreement"),
        (_, Some(part @ ("0" | "1" | "2" | "3" | "4" | "5" | "6" | "7"))) if per_class == "1" => {
            (format!("published:prototypicality-{part}"), "agreement")
        }
        _ => {
            let (by, place) = set.split_once('-')?;
            let by = ["agreement", "typicality"].into_iter().find(|it| *it == by)?;
            let pick = match place {
                "most" => "most-representative",
                "middle" if per_class != "10" => "quantile:0.5",
                "least" => "least-representative",
                _ => return None,
            };
            (pick.to_owned(), by)
        }
    };
    Some(format!(
        "extends = {base:?}\ntitle = \"Which labels: {set}, {per_class} per class, {model}\"\n\
         about = \"A cell of the suites which-labels and which-labels-published.\"\n\
         [labels]\nper_class = {per_class}\npick = {pick:?}\nby = {by:?}\n"
    ))
}

/// `slides/augment-POLICY-25`.
fn augmentation(name: &str) -> Option<String> {
    const POLICIES: [&str; 8] = [
        "weak",
        "cutout",
        "randaugment",
        "randaugment-cutout",
        "ctaugment",
        "ctaugment-cutout",
        "autoaugment",
        "autoaugment-cutout",
    ];
    let policy = name.strip_prefix("slides/augment-")?.strip_suffix("-25")?;
    POLICIES.contains(&policy).then(|| {
        format!(
            "extends = \"slides/augment-{policy}-4\"\ntitle = \"Slides, augmentation: {policy}, 25 labels per class\"\n\
             about = \"A cell of the suite slides-augmentation.\"\n[labels]\nper_class = 25\n"
        )
    })
}
