//! The table of keys: what each does, where, and how the footer and the help say it.

use strum::VariantArray as _;

use super::Place::{
    Browser, Cell, Changes, Configuration, Home, Label, LabelGrid, LabelSets, Log, Preset, PseudoLabels, Race, Run,
    Samples, Suite,
};
use super::{Action, Binding, Effect, Place};

/// Where there is a list or a text to page through.
const PAGED: &[Place] =
    &[Home, Preset, Run, Configuration, Changes, Log, Samples, PseudoLabels, LabelSets, Browser, Suite, Cell];
/// Where there are lists to move in, by letters too.
const MOVED: &[Place] =
    &[Home, Preset, Run, Configuration, Changes, Log, Samples, PseudoLabels, LabelSets, Browser, Race, Suite, Cell];
/// Where letters stand for classes.
const LABELED: &[Place] = &[Label, LabelGrid];
const ALL: &[Place] = Place::VARIANTS;

const fn look(
    action: Action,
    name: &'static str,
    keys: &'static str,
    places: &'static [Place],
    footer: &'static str,
    help: &'static str,
) -> Binding {
    Binding { action, name, keys, places, footer, help, effect: Effect::Looks }
}

const fn drive(
    action: Action,
    name: &'static str,
    keys: &'static str,
    places: &'static [Place],
    footer: &'static str,
    help: &'static str,
) -> Binding {
    Binding { effect: Effect::Drives, ..look(action, name, keys, places, footer, help) }
}

/// Every key, in the order of the help; the footer shows them in this order too.
pub const TABLE: &[Binding] = &[
    look(Action::Enter, "open", "enter", &[Home], "open", "open the preset or the run"),
    look(Action::Left, "fold", "left h", &[Home], "", "fold the group of presets, or go to its heading"),
    look(Action::Right, "unfold", "right l", &[Home], "", "open the group of presets"),
    look(Action::Next, "next", "tab", &[Home], "presets/runs", "go to the other list"),
    drive(Action::Undo, "restore", "u", &[Home], "undelete", "bring back the runs that were deleted last"),
    drive(Action::Pause, "pause", "p", &[Home, Run], "pause", "pause: the worker waits and keeps its memory"),
    drive(Action::Suspend, "suspend", "S", &[Home, Run], "suspend", "suspend: save and end the worker, memory freed"),
    drive(
        Action::Resume,
        "resume",
        "r",
        &[Home, Run, Changes],
        "resume",
        "go on: after a pause, a stop, a suspension, a crash",
    ),
    drive(Action::Stop, "stop", "X", &[Home, Run], "stop", "stop for good: save and end the worker"),
    drive(Action::Delete, "delete", "D", &[Home, LabelSets], "delete", "move the run or the label set to the trash"),
    look(Action::Mark, "mark-run", "space", &[Home], "mark", "mark a run: keys act on all marked; or turn a group"),
    look(Action::Beside, "beside", "c", &[Home], "", "compare runs: those marked, or mark one"),
    look(Action::Filter, "filter", "/", &[Home], "filter", "filter the list by a text, or lr=0.03 accuracy>60%"),
    drive(Action::Fetch, "fetch", "f", &[Home, Preset, LabelSets], "fetch", "fetch the data set"),
    look(Action::Back, "show-all", "esc backspace", &[Home], "clear", "clear the marks, then the filter"),
    drive(Action::Launch, "launch", "L", &[Preset], "launch", "start a run with these values"),
    drive(Action::Enter, "edit", "enter e", &[Preset], "edit", "change the value under the cursor"),
    drive(Action::Left, "choice-before", "left h", &[Preset], "", "the previous choice of a value with choices"),
    drive(Action::Right, "choice-after", "right l", &[Preset], "", "the next choice"),
    drive(Action::Baseline, "baseline", "B", &[Preset], "baseline", "train the labels-only baseline too, to compare"),
    look(Action::Enter, "open-set", "enter", &[LabelSets], "open", "open the data set or the label set"),
    look(Action::Next, "next-tab", "tab", &[Browser], "view", "both ends, the order, the label set, the scores"),
    look(Action::Mark, "mark", "space", &[Browser], "mark", "put the image into the set, or take it out"),
    look(Action::From, "from", "f", &[Browser], "from", "start the set from a pick, a saved set or a run"),
    drive(Action::Save, "save", "s", &[Browser], "save", "save the label set under a name"),
    drive(Action::Launch, "launch-set", "L", &[Browser], "launch", "launch a run on the label set"),
    drive(Action::Race, "race", "R", &[Browser], "race", "two runs: most against least representative"),
    look(Action::Ranking, "ranking", "o", &[Browser], "order", "another order of the images, or have one made"),
    look(Action::Enter, "look-at-image", "enter", &[Browser], "look", "one image: scores, predictions, neighbours"),
    look(Action::Class, "class", "c", &[Browser], "class", "the images of one class, or of all"),
    look(Action::Swap, "swap", "x", &[Browser], "", "find another image for this one of the set"),
    look(Action::SwapMore, "swap-more", "< ,", &[Browser], "", "swap it for the next more representative one"),
    look(Action::SwapLess, "swap-less", "> .", &[Browser], "", "swap it for the next less representative one"),
    look(Action::Undo, "undo-edit", "u", &[Browser], "", "take the last change of the set back"),
    look(Action::More, "more", "+ =", &[Browser], "", "pick more images of each class"),
    look(Action::Less, "less", "-", &[Browser], "", "pick fewer"),
    look(Action::GoTo, "go-to", "/", &[Browser], "", "go to an image by its number"),
    drive(Action::Skip, "skip-image", "space", &[Label], "skip", "pass over the image"),
    look(
        Action::Mark,
        "mark-image",
        "space",
        &[LabelGrid],
        "mark",
        "mark the image, or unmark it; keys act on all marked",
    ),
    look(Action::MarkAll, "mark-sheet", "*", &[LabelGrid], "mark all", "mark all on the sheet without an answer"),
    drive(Action::Unsure, "not-sure", "0", LABELED, "not sure", "not sure what it is"),
    drive(Action::Filter, "find-class", "/ +", LABELED, "class", "find a class by its letters, or make a new one"),
    drive(
        Action::Undo,
        "undo-answer",
        "u backspace",
        LABELED,
        "undo",
        "take the last answer back, then the one before",
    ),
    look(Action::Next, "sheet", "tab", LABELED, "sheet", "one image, or a sheet of many"),
    look(Action::Guess, "guess", "g", &[Label], "guess", "show what the network takes it for; that is recorded"),
    drive(Action::Enter, "take-guess", "enter", &[Label], "", "give the image the class of the guess that is shown"),
    look(Action::NextOpen, "next-open", "n", LABELED, "next", "go to the next image without an answer"),
    look(Action::Disputed, "disputed", "!", LABELED, "disputed", "go to the next image that people disagree about"),
    drive(Action::Skip, "skip-marked", "-", &[LabelGrid], "skip", "pass over the images"),
    look(Action::Left, "label-left", "left", LABELED, "", "the image before"),
    look(Action::Right, "label-right", "right", LABELED, "", "the image after"),
    look(Action::Up, "label-up", "up", LABELED, "", "a row up; beside one image, in the list of classes"),
    look(Action::Down, "label-down", "down", LABELED, "", "a row down"),
    look(Action::PageUp, "label-page-up", "pageup", LABELED, "", "a sheet back, or a page of classes up"),
    look(Action::PageDown, "label-page-down", "pagedown", LABELED, "", "a sheet on, or a page of classes down"),
    look(Action::First, "label-first", "home", LABELED, "", "the first image"),
    look(Action::Last, "label-last", "end", LABELED, "", "the last image"),
    look(Action::Enter, "open-run", "enter", &[Race], "open", "open the run"),
    look(Action::Next, "next-part", "tab", &[Race], "part", "curves, the verdict, classes, the runs one by one"),
    look(Action::Quantity, "quantity", "c", &[Race], "curve", "accuracy, mask ratio, pseudo-labels or loss"),
    look(Action::Reference, "reference", "=", &[Race], "from here", "differences count from this group"),
    look(Action::Measure, "measure", "b", &[Race], "last/best", "the last accuracy, the median of 20, or the best"),
    look(Action::Axis, "race-axis", "t", &[Race], "steps/time", "steps or time"),
    look(Action::Enter, "open-cell", "enter", &[Suite], "open", "the runs of the cell, seed by seed"),
    look(Action::Enter, "open-planned", "enter", &[Cell], "open", "open the run"),
    drive(Action::Launch, "start-suite", "L", &[Suite], "start", "train the suite in the background; asks first"),
    drive(Action::Pause, "hold-suite", "p", &[Suite], "hold", "start no other run; those that train go on"),
    drive(Action::Resume, "resume-suite", "r", &[Suite], "go on", "train what is left, after a hold or a stop"),
    drive(Action::Stop, "stop-suite", "X", &[Suite], "stop", "suspend its runs and end its queue; asks first"),
    drive(Action::Retry, "retry-suite", "R", &[Suite], "retry", "try again what failed or was stopped"),
    drive(Action::More, "more-seeds", "+ =", &[Suite], "seeds", "plan more seeds for each cell"),
    drive(Action::Move, "to-front", "M", &[Suite, Cell], "to front", "start these runs before all others"),
    drive(Action::Change, "change", "s", &[Home, Run], "set", "change τ, λ_u, the learning rate's factor, the steps"),
    drive(Action::Enter, "edit-change", "enter s", &[Changes], "value", "give the change another value"),
    drive(Action::Move, "move-change", "M", &[Changes], "move", "have the change take effect at another step"),
    drive(Action::Drop, "drop-change", "D", &[Run, Changes], "drop", "drop the change; on charts, all that lie ahead"),
    drive(Action::Fork, "fork", "F", &[Home, Run, PseudoLabels], "", "go on in a new run, with other values or labels"),
    drive(Action::Undo, "undo", "u", &[Run, Changes, PseudoLabels], "", "undo the last change, then the one before"),
    drive(Action::Checkpoint, "checkpoint", "C", &[Home, Run], "", "save a checkpoint now"),
    drive(Action::Evaluate, "evaluate", "E", &[Home, Run], "", "evaluate the test set now"),
    look(Action::Next, "next-chart", "tab", &[Run], "chart", "go to the next chart"),
    look(Action::Enter, "layout", "enter z", &[Run], "", "one chart or all of them"),
    look(
        Action::Next,
        "next-insight",
        "tab",
        &[PseudoLabels],
        "next",
        "policies, images, confusion, classes, CTAugment",
    ),
    look(Action::LowerTau, "tau-down", "[", &[PseudoLabels], "what if τ", "what if τ had been lower"),
    look(Action::HigherTau, "tau-up", "]", &[PseudoLabels], "", "what if τ had been higher"),
    look(Action::OtherPolicy, "policy", "p", &[PseudoLabels], "policy", "what if another policy had decided"),
    drive(
        Action::ApplyTau,
        "apply-tau",
        "a",
        &[PseudoLabels],
        "apply τ",
        "give the run this τ; u puts the old one back",
    ),
    look(Action::Enter, "look", "enter", &[PseudoLabels], "look", "the images in a cell; one image with its views"),
    look(Action::Left, "cell-left", "left h", &[PseudoLabels], "", "left"),
    look(Action::Right, "cell-right", "right l", &[PseudoLabels], "", "right"),
    look(Action::Scale, "normalize", "y", &[PseudoLabels], "", "confusion in images or in shares"),
    look(Action::Draw, "draw-followed", "space n", &[PseudoLabels], "", "draw new views of the image"),
    look(
        Action::Freeze,
        "freeze",
        "f",
        &[Run, Samples, PseudoLabels],
        "",
        "freeze at this moment, or return; the run goes on",
    ),
    look(Action::Earlier, "earlier", ",", &[Run, Samples, PseudoLabels], "", "an earlier moment"),
    look(Action::Later, "later", ".", &[Run, Samples, PseudoLabels], "", "a later moment"),
    look(Action::FarEarlier, "far-earlier", "<", &[Samples, PseudoLabels], "", "earlier by a tenth of all moments"),
    look(Action::FarLater, "far-later", ">", &[Samples, PseudoLabels], "", "later by a tenth of all moments"),
    look(
        Action::PseudoLabels,
        "insight",
        "v",
        &[Run, Log, Samples],
        "pseudo",
        "what the pseudo-labels do, class by class",
    ),
    look(Action::Log, "log", "o", &[Run, Samples, PseudoLabels], "log", "events and the worker's output"),
    look(Action::Samples, "samples", "i", &[Run, Log, PseudoLabels], "images", "the labeled images and their views"),
    look(
        Action::Changes,
        "changes",
        "e",
        &[Run, PseudoLabels],
        "changes",
        "list the recorded changes; drop, edit, move them",
    ),
    look(
        Action::Configuration,
        "configuration",
        "c",
        &[Run, Log, Samples, PseudoLabels],
        "config",
        "all values of the run, and how long it took",
    ),
    look(Action::Left, "cursor-left", "left h", &[Run], "", "read values: cursor to the left"),
    look(Action::Right, "cursor-right", "right l", &[Run], "", "read values: cursor to the right"),
    look(Action::ZoomIn, "zoom-in", "+ =", &[Run], "", "zoom in"),
    look(Action::ZoomOut, "zoom-out", "-", &[Run], "", "zoom out"),
    look(Action::PanLeft, "pan-left", "< H", &[Run], "", "earlier"),
    look(Action::PanRight, "pan-right", "> L", &[Run], "", "later"),
    look(Action::ResetView, "reset", "0", &[Run], "", "the whole run, no cursor"),
    look(Action::Axis, "axis", "t", &[Run], "", "steps or time"),
    look(Action::Scale, "scale", "y", &[Run], "", "from zero, fitted, or logarithmic"),
    look(Action::Smooth, "smooth", "w", &[Run], "", "smoothing: off, 0.6, 0.9, 0.97"),
    look(Action::Next, "next-view", "tab", &[Log], "view", "what happened, all events, the worker's output"),
    look(Action::Order, "order", "n", &[Log], "", "the newest line last or first"),
    look(Action::Filter, "filter-log", "/", &[Log], "filter", "show only lines that hold some text"),
    look(Action::Enter, "enlarge", "enter", &[Samples], "enlarge", "one image with its weak and strong views"),
    look(Action::Draw, "draw", "space n", &[Samples], "new views", "draw new views"),
    look(
        Action::Pictures,
        "pictures",
        "P",
        &[Samples, Browser, Label, LabelGrid],
        "",
        "pictures instead of characters: kitty, sixel, iTerm2",
    ),
    drive(Action::Title, "title", "T", &[Home, Run, Race], "", "give the run a title, shown beside its name"),
    drive(Action::Tags, "tags", "#", &[Home, Run, Race], "", "tag the run, or all marked: good paper -draft"),
    drive(Action::Note, "note", "N", &[Home, Run, Race], "", "write a note on the run"),
    look(Action::Family, "family", "O", &[Home, Run], "", "its origins and forks, with changes and curves"),
    look(Action::SaveFilter, "save-filter", "W", &[Home], "", "save the filter under a name; ctrl-s as it is typed"),
    look(
        Action::Browse,
        "browse",
        "b",
        &[Home, Preset, Run, Samples],
        "label sets",
        "browse label sets and representative images",
    ),
    look(Action::View, "runs-view", "v", &[Home], "view", "runs by progress, by values, or seeds in groups"),
    look(Action::Columns, "columns", "e", &[Home], "", "pick the columns of the runs"),
    look(Action::Sort, "sort-runs", "t", &[Home], "", "sort the runs by any value"),
    look(Action::Label, "label", "a", &[LabelSets, Browser], "label", "label images by hand, a key for each class"),
    look(
        Action::Label,
        "label-these",
        "a",
        &[Home, Preset, Run, Samples],
        "",
        "label its images, a key for each class",
    ),
    look(Action::Left, "left", "left h", &[Samples, Browser, Race, Suite], "", "left"),
    look(Action::Right, "right", "right l", &[Samples, Browser, Race, Suite], "", "right"),
    look(Action::Up, "up", "up k", MOVED, "", "up"),
    look(Action::Down, "down", "down j", MOVED, "", "down"),
    look(Action::PageUp, "page-up", "pageup ctrl-b", PAGED, "", "a page up"),
    look(Action::PageDown, "page-down", "pagedown ctrl-f", PAGED, "", "a page down"),
    look(Action::First, "first", "home g", PAGED, "", "to the start"),
    look(Action::Last, "last", "end G", PAGED, "", "to the end; there a log is followed"),
    look(
        Action::Copy,
        "copy",
        "Y",
        &[Home, Run, Configuration, Changes, Log, Samples, PseudoLabels],
        "",
        "copy the run's path (OSC 52)",
    ),
    look(Action::Glyphs, "glyphs", "ctrl-g", ALL, "", "braille, blocks or ASCII"),
    look(Action::Mouse, "mouse", "m", ALL, "", "mouse on or off: clicks, the wheel, zooming"),
    look(Action::Redrawn, "redraw", "ctrl-l", ALL, "", "draw the screen anew"),
    look(
        Action::Back,
        "back",
        "esc backspace",
        &[Preset, Run, Configuration, Changes, Log, Samples, PseudoLabels, LabelSets, Browser, Race, Suite, Cell],
        "back",
        "go back",
    ),
    look(Action::Back, "leave-labels", "esc", LABELED, "back", "unmark all; else go back"),
    look(Action::Help, "help", "? f1", ALL, "help", "this help"),
    look(Action::Background, "background", "ctrl-z", ALL, "", "to the shell; `fg` comes back"),
    look(Action::Quit, "quit", "q ctrl-c", ALL, "quit", "quit; runs go on"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_help_fits_into_its_column() {
        for binding in TABLE {
            assert!(binding.help.chars().count() <= 52, "{}", binding.help);
        }
    }

    #[test]
    fn every_action_has_a_name_of_its_own() {
        for (line, binding) in TABLE.iter().enumerate() {
            assert!(TABLE[..line].iter().all(|other| other.name != binding.name), "{}", binding.name);
        }
    }
}
