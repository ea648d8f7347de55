//! What a run that ranks does besides its steps.

use anyhow::Result;
use fixmatch::labels::ranking::{self, Made, Ranking};
use fixmatch::run::heartbeat::Phase;

use super::Session;
use crate::rank::Findings;

impl Session {
    /// At the end of a network's training, asks it about the images. Returns whether it did.
    pub(super) fn hear_network(&mut self) -> bool {
        let step = self.state.step;
        let Some(ranker) = &mut self.ranker else { return false };
        if !ranker.is_due(step) {
            return false;
        }
        self.reporter.phase(step, Phase::Ranking);
        ranker.hear(step, &mut self.run.trainer, &self.run.source.images);
        self.loader = None; // the next network may train on other images
        true
    }

    /// Scores the images once all networks were heard, and writes the ranking into the run and into the cache.
    pub(super) fn write_ranking(&mut self) -> Result<()> {
        let Some(ranker) = &self.ranker else { return Ok(()) };
        self.reporter.phase(self.state.step, Phase::Ranking);
        let config = &self.run.config;
        let rank = config.rank.clone().expect("a run with a ranker has a [rank] table");
        let Findings { scores, clusters, predictions, neighbors } = ranker.findings();
        let ranking = Ranking {
            dataset: config.data.dataset.clone(),
            data_digest: self.run.data_digest.clone(),
            needs_labels: rank.by.needs_labels(),
            made: Made { version: fixmatch::VERSION.into(), run: self.dir.id() },
            order: ranking::order(rank.by, &scores),
            rank,
            scores,
            clusters,
            predictions,
            neighbors,
        };
        let cached = ranking::cached_at(config, &self.run.data_digest)?;
        self.reporter.insist(|| ranking.write(&self.dir.ranking()))?;
        self.reporter.insist(|| ranking.write(&cached))
    }
}
