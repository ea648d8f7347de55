//! Real pictures where the terminal can show them: by kitty's, sixel or iTerm2's protocol, and only when asked for.
//!
//! Characters are what works everywhere, also over a slow link and inside tmux, so they stay the rule. When the user asks
//! for pictures, the terminal is asked what it can do ([`ask`]); the first time that one is drawn it is encoded and sent,
//! and then the terminal keeps it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::stdin;
use std::thread;
use std::time::{Duration, Instant};

use fixmatch::base::image::Image;
use image::{DynamicImage, GrayImage, RgbImage};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget as _;
use ratatui_image::picker::cap_parser::QueryStdioOptions;
use ratatui_image::picker::{Picker, ProtocolType};
use ratatui_image::protocol::Protocol;
use ratatui_image::{FilterType, Resize};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

/// How long a terminal may take to answer over a slow link.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How many tenths of a second a read waits for an answer: longer than [`PATIENCE`].
const READ_TENTHS: u8 = 20;

/// Whether pictures are shown.
#[derive(Debug, Default)]
pub enum Pictures {
    /// Characters stand for them.
    #[default]
    Off,
    /// The terminal is being asked.
    Asking,
    /// It shows them.
    On(Gallery),
}

/// What a terminal can do, and the pictures that it was sent.
pub struct Gallery {
    picker: Picker,
    made: RefCell<HashMap<(u64, Size), Protocol>>,
}

/// Asks the terminal, which answers through its keyboard: nothing else may read that meanwhile. None if it cannot show
/// pictures, or says nothing.
///
/// The library's thread reads the keyboard until an answer comes, also after its time is over, and would take the user's
/// next key for one. So a read without an answer ends by itself, later than the thread's time, and the thread with it: it
/// gives the keyboard back in the mode in which it got it, by which its end is seen.
pub fn ask() -> Option<Gallery> {
    let keyboard = stdin();
    let ours = tcgetattr(&keyboard).ok()?;
    let mut lent = ours.clone();
    lent.local_modes |= LocalModes::ICANON;
    lent.special_codes[SpecialCodeIndex::VMIN] = 0;
    lent.special_codes[SpecialCodeIndex::VTIME] = READ_TENTHS;
    tcsetattr(&keyboard, OptionalActions::Now, &lent).ok()?;
    let options = QueryStdioOptions {
        timeout: PATIENCE,
        kitty_compression: true, // images are small and links slow
        ..QueryStdioOptions::default()
    };
    let picker = Picker::from_query_stdio_with_options(options);
    let deadline = Instant::now() + 2 * PATIENCE;
    let is_back = || tcgetattr(&keyboard).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ICANON));
    while !is_back() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    tcsetattr(&keyboard, OptionalActions::Now, &ours).ok()?;
    picker.ok().and_then(Gallery::new)
}

impl Gallery {
    fn new(picker: Picker) -> Option<Self> {
        (picker.protocol_type() != ProtocolType::Halfblocks).then(|| Self { picker, made: RefCell::default() })
    }

    /// What the protocol is called.
    pub fn protocol(&self) -> &'static str {
        match self.picker.protocol_type() {
            ProtocolType::Kitty => "kitty",
            ProtocolType::Sixel => "sixel",
            ProtocolType::Iterm2 => "iTerm2",
            ProtocolType::Halfblocks => "half blocks",
        }
    }

    /// Sends every picture anew, after the terminal was out of our hands.
    pub fn forget(&mut self) {
        self.made.get_mut().clear();
    }

    /// Draws an image into an area, as large as fits; says whether that could be done.
    pub fn draw(&self, buffer: &mut Buffer, image: &Image, area: Rect) -> bool {
        let mut hasher = DefaultHasher::new();
        (image.width, image.channels, &image.pixels).hash(&mut hasher);
        let key = (hasher.finish(), Size::from(area));
        let mut made = self.made.borrow_mut();
        let protocol = match made.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                // Pixels stay square blocks: that is what the network sees, and it compresses well.
                let resize = Resize::Scale(Some(FilterType::Nearest));
                let Ok(protocol) = self.picker.new_protocol(dynamic(image), key.1, resize) else { return false };
                free.insert(protocol)
            }
        };
        ratatui_image::Image::new(protocol).render(area, buffer);
        true
    }
}

impl fmt::Debug for Gallery {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Gallery({}, {} made)", self.protocol(), self.made.borrow().len())
    }
}

fn dynamic(image: &Image) -> DynamicImage {
    let (width, height, pixels) = (image.width as u32, image.height as u32, image.pixels.clone());
    let made = match image.channels {
        1 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
    };
    made.expect("an image has as many bytes as its shape says")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(gallery: &Gallery, image: &Image) -> String {
        let area = Rect::new(0, 0, 10, 5);
        let mut buffer = Buffer::empty(area);
        assert!(gallery.draw(&mut buffer, image, area));
        buffer[(0, 0)].symbol().to_owned()
    }

    #[test]
    fn the_first_cell_of_a_picture_carries_it_by_the_protocol_of_the_terminal() {
        let image = Image::new(2, 2, 1, vec![0, 100, 200, 60]);
        for (protocol, start) in
            [(ProtocolType::Kitty, "\x1b_G"), (ProtocolType::Sixel, "\x1bP"), (ProtocolType::Iterm2, "\x1b]1337;File")]
        {
            let mut picker = Picker::halfblocks();
            assert!(Gallery::new(picker.clone()).is_none());
            picker.set_protocol_type(protocol);
            let mut gallery = Gallery::new(picker).expect("it shows pictures");
            assert!(drawn(&gallery, &image).contains(start), "{gallery:?}");
            let again = drawn(&gallery, &image);
            assert_eq!(again.contains(start), protocol != ProtocolType::Kitty, "kitty keeps what it was sent");
            gallery.forget();
            assert!(drawn(&gallery, &image).contains(start), "{gallery:?}");
        }
    }
}
