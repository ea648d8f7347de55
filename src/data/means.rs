//! What the images of a folder are read with: where decoded ones are kept, how much memory they may take, and who watches.

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;

use super::cache;
use crate::base::host;

/// Images whose pixels take a larger share of the memory are read from the cache as they are needed.
const MOST_OF_MEMORY: f64 = 0.5;

/// Who is told how many images of how many are decoded.
pub type Watch<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Nothing is kept, and nobody watches.
pub static NONE: Means = Means { cache: None, limit: 0, most_held: u64::MAX, watch: None };

/// What images are read with.
pub struct Means<'a> {
    /// Where decoded images are kept; none are without it.
    pub cache: Option<PathBuf>,
    /// How many bytes of them are kept.
    pub limit: u64,
    /// How many bytes of pixels are held in memory.
    pub most_held: u64,
    /// Who watches.
    pub watch: Option<Watch<'a>>,
}

impl<'a> Means<'a> {
    /// The cache directory, and half of the memory.
    ///
    /// # Errors
    /// If there is no home directory, or `FIXMATCH_CACHE_GB` is no number.
    pub fn usual(watch: Option<Watch<'a>>) -> Result<Self> {
        let most_held = host::available_bytes().map_or(u64::MAX, |bytes| (bytes as f64 * MOST_OF_MEMORY) as u64);
        let limit = cache::limit()?;
        Ok(Self { cache: (limit > 0).then(cache::folder).transpose()?, limit, most_held, watch })
    }

    /// Tells who watches.
    pub fn tell(&self, n_done: usize, n: usize) {
        if let Some(watch) = self.watch {
            watch(n_done, n);
        }
    }
}

impl fmt::Debug for Means<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cache, limit, most_held, .. } = self;
        f.debug_struct("Means").field("cache", cache).field("limit", limit).field("most_held", most_held).finish()
    }
}
