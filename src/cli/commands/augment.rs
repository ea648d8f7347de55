//! `fixmatch augment`: what operations and policies do to an image of one's own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, Error, Result, anyhow, ensure};
use clap::ValueEnum;
use fixmatch::augment::{Op, Scratch, Strong};
use fixmatch::base::aside::replace_file;
use fixmatch::base::image::Image;
use fixmatch::base::output;
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::config::{self, Augment, Table};
use fixmatch::data::decode::{self, Wanted};
use fixmatch::examples;

use super::{fresh_file, note, png_of, say};

mod list;

/// The largest side of an image; beyond it Pillow's coordinates differ.
const MAX_SIDE: usize = 512;
/// The largest side of a contact sheet, so that a slip of the finger does not fill the memory.
const MAX_SHEET_SIDE: usize = 8192;
/// White pixels between the views.
const GAP: usize = 2;

/// Apply operations to an image, or show what a policy draws for it
///
/// fixmatch augment IN.png --op rotate=20 --op posterize=4 -o OUT.png applies both, in this order. With --policy, a
/// sheet of views, each drawn as in training: flip and shift, the policy's operations, Cutout.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch augment cat.png --op rotate=20 --op cutout=0.5@16,16 --out rotated.png",
    "fixmatch augment cat.png --policy randaugment --out views.png",
))]
pub struct Args {
    /// A PNG or JPEG image of at most 512×512 pixels
    #[arg(required_unless_present = "list")]
    image: Option<PathBuf>,
    /// An operation, such as rotate=20, autocontrast, rescale=0.75,bicubic or cutout=0.5@16,16; may be repeated
    #[arg(long = "op", value_name = "NAME[=VALUE]", required_unless_present_any = ["list", "policy"])]
    ops: Vec<Op>,
    /// Draw views by a policy
    #[arg(long, value_enum, conflicts_with = "ops")]
    policy: Option<Policy>,
    /// Whose ranges RandAugment and CTAugment draw from: the paper's, or the original code's
    #[arg(long, value_enum, default_value = "paper", conflicts_with = "ops")]
    table: TableName,
    /// Side of the square that Cutout paints gray at the end, as a share of the width; 0 for none
    #[arg(long, value_name = "SIDE", default_value = "0.5", value_parser = cutout_side, conflicts_with = "ops")]
    cutout: f64,
    /// Another seed gives other views
    #[arg(long, default_value = "0", conflicts_with = "ops")]
    seed: u64,
    /// Columns and rows of the sheet
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "8x8", conflicts_with = "ops")]
    grid: Grid,
    /// The PNG file to write [default: standard output, unless it is a terminal]
    #[arg(short, long, value_name = "OUT.png")]
    out: Option<PathBuf>,
    /// Overwrite the file
    #[arg(long)]
    force: bool,
    /// Print the operations with their ranges, and the policies' tables
    #[arg(long, conflicts_with_all = ["image", "ops", "policy", "out"])]
    list: bool,
}

/// What draws views.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// Flip and shift alone: the weak view
    Weak,
    /// Cutout after the weak view
    None,
    /// Two of fourteen operations, uniformly
    Randaugment,
    /// Two of eighteen operations, uniformly as at the start of training
    Ctaugment,
    /// One of 25 pairs of operations
    Autoaugment,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TableName {
    Paper,
    Reference,
}

#[derive(Clone, Copy, Debug)]
struct Grid {
    columns: usize,
    rows: usize,
}

impl FromStr for Grid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let side = |side: &str| side.parse().ok().filter(|side| (1..=256).contains(side));
        let sides = text.split_once('x').and_then(|(columns, rows)| side(columns).zip(side(rows)));
        let (columns, rows) = sides.context("must be columns and rows from 1 to 256, such as 8x8")?;
        Ok(Self { columns, rows })
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

fn cutout_side(text: &str) -> Result<f64> {
    let side = text.parse().ok().filter(|side| (0.0..=1.0).contains(side));
    side.context("must be in [0, 1]")
}

pub fn run(args: &Args) -> Result<ExitCode> {
    if args.list {
        say(list::tables())?;
        return Ok(ExitCode::SUCCESS);
    }
    let out = Out::new(args)?;
    let path = args.image.as_deref().expect("the image is required");
    let image = read(path)?;
    let made = match args.policy {
        Some(policy) => sheet(&image, &strong(policy, args), args.seed, args.grid)?,
        None => apply(image, &args.ops)?,
    };
    out.write(&made)?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Image> {
    let image = decode::read(path, &Wanted::default()).map_err(|fault| anyhow!("{} {fault}", path.display()))?.image;
    ensure!(
        image.width <= MAX_SIDE && image.height <= MAX_SIDE,
        "{} has {}×{} pixels, and at most {MAX_SIDE}×{MAX_SIDE} are possible: make it smaller",
        path.display(),
        image.width,
        image.height,
    );
    Ok(image)
}

fn apply(mut image: Image, ops: &[Op]) -> Result<Image> {
    let mut scratch = Scratch::default();
    for op in ops {
        op.check(image.width, image.height)?;
        op.apply(&mut image, &mut scratch);
    }
    Ok(image)
}

fn strong(policy: Policy, args: &Args) -> Strong {
    let (strong, cutout) = match policy {
        Policy::Weak => (config::Strong::None, 0.0),
        Policy::None => (config::Strong::None, args.cutout),
        Policy::Randaugment => (config::Strong::Randaugment, args.cutout),
        Policy::Ctaugment => (config::Strong::Ctaugment, args.cutout),
        Policy::Autoaugment => (config::Strong::Autoaugment, args.cutout),
    };
    let table = match args.table {
        TableName::Paper => Table::Paper,
        TableName::Reference => Table::Reference,
    };
    Strong::new(&Augment { strong, table, cutout, ..Augment::default() })
}

/// Views of the image, row by row, on white.
fn sheet(image: &Image, strong: &Strong, seed: u64, grid: Grid) -> Result<Image> {
    let Image { width, height, channels, .. } = *image;
    let side = |n: usize, length: usize| n * (length + GAP) - GAP;
    let (sheet_width, sheet_height) = (side(grid.columns, width), side(grid.rows, height));
    ensure!(
        sheet_width <= MAX_SHEET_SIDE && sheet_height <= MAX_SHEET_SIDE,
        "a sheet of {grid} views would have {sheet_width}×{sheet_height} pixels, and at most {MAX_SHEET_SIDE}×{MAX_SHEET_SIDE} \
         are possible: ask for a smaller --grid"
    );
    let mut sheet = Image::black(sheet_width, sheet_height, channels);
    sheet.pixels.fill(255);
    let mut scratch = Scratch::default();
    for index in 0..grid.columns * grid.rows {
        let mut view = image.clone();
        strong.apply(&mut view, &mut Rng::new(seed, Stream::UnlabeledStrong, 0, index as u64), &mut scratch);
        let (left, top) = (index % grid.columns * (width + GAP), index / grid.columns * (height + GAP));
        for (y, row) in view.pixels.chunks_exact(width * channels).enumerate() {
            let start = ((top + y) * sheet_width + left) * channels;
            sheet.pixels[start..][..row.len()].copy_from_slice(row);
        }
    }
    Ok(sheet)
}

/// Where the image goes.
enum Out {
    File(PathBuf),
    Stdout,
}

impl Out {
    /// Found before there is work to lose.
    fn new(args: &Args) -> Result<Self> {
        let Some(path) = &args.out else {
            ensure!(!output::is_terminal(), "say where the image goes, with -o OUT.png, or redirect it");
            return Ok(Self::Stdout);
        };
        let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
        ensure!(is_png, "{} must end in .png, for that is what is written", path.display());
        Ok(Self::File(fresh_file(path, args.force)?))
    }

    fn write(&self, image: &Image) -> Result<()> {
        let png = png_of(image)?;
        match self {
            Self::Stdout => output::write_raw(&png)?,
            Self::File(path) => {
                replace_file(path, &png)?;
                note(format_args!("{}: {}×{} pixels", path.display(), image.width, image.height));
            }
        }
        Ok(())
    }
}
