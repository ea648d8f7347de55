//! Rankings and label sets in words.

use fixmatch::config::Rank;

use super::numbers::plural;

/// What an order was made by, in words.
pub fn recipe_words(rank: &Rank) -> String {
    let epochs = plural(rank.epochs.into(), "epoch");
    if rank.by.needs_labels() {
        format!("{} × {epochs}, by labels", plural(rank.members.into(), "network"))
    } else {
        format!("{}, {epochs}, no labels", plural(rank.neighbors.into(), "neighbour"))
    }
}
