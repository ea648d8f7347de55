//! What a log tells of checkpoints and forks.

use fixmatch::run::event::Event;
use fixmatch::run::file::Parent;

/// What the log tells of checkpoints and forks.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    checkpoints: Vec<u64>,
    best: Option<u64>,
    /// Where the run was forked from, and its parent before it.
    pub forks: Vec<Parent>,
}

impl Marks {
    /// Takes one more event into account.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Checkpointed { step, best, .. } => {
                self.checkpoints.retain(|it| it != step);
                self.checkpoints.push(*step);
                self.best = if *best { Some(*step) } else { self.best };
            }
            Event::Resumed { step } => {
                self.checkpoints.retain(|it| it <= step);
                self.best = self.best.filter(|it| it <= step);
            }
            Event::Forked(parent) => {
                // the copies of the parent's are not all here: of them the run has the one that it goes on from
                (self.checkpoints, self.best) = (vec![parent.step], None);
                self.forks.push(parent.clone());
            }
            _ => {}
        }
    }

    /// The checkpoints that are kept: the newest ones and the best.
    pub fn kept(&self, n: usize) -> impl Iterator<Item = u64> {
        let first = self.checkpoints.len().saturating_sub(n);
        let best = self.best.filter(|best| self.checkpoints[..first].contains(best));
        best.into_iter().chain(self.checkpoints[first..].iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpointed(step: u64, best: bool) -> Event {
        Event::Checkpointed { step, file: format!("{step}.safetensors"), best }
    }

    #[test]
    fn checkpoints_are_those_that_are_kept() {
        let mut marks = Marks::default();
        for (step, best) in [(100, false), (200, true), (300, false), (400, false), (500, false)] {
            marks.apply(&checkpointed(step, best));
        }
        assert_eq!(marks.kept(2).collect::<Vec<_>>(), [200, 400, 500]);
        marks.apply(&Event::Resumed { step: 300 });
        marks.apply(&checkpointed(400, false));
        assert_eq!(marks.kept(2).collect::<Vec<_>>(), [200, 300, 400]);
        marks.apply(&Event::Forked(Parent { run: "it".into(), step: 300 }));
        assert_eq!(marks.kept(9).collect::<Vec<_>>(), [300]);
    }
}
