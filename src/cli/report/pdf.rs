//! A drawing as a PDF of one page, for papers: its font is in it, and its text is text.

use std::collections::BTreeMap;
use std::io::Write as _;

use ab_glyph::{Font as _, FontRef, GlyphId};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

use super::drawing::{AREA_OPACITY, Anchor, Color, Drawing, Mark, TEXT};

/// Points of a page in a unit of a drawing: text of 12 units is 9 points high.
const POINTS: f64 = 0.75;

/// Dark grey, as in the SVG.
const INK: [u8; 3] = [0x22; 3];

const FONT: Name = Name(b"F");
const FONT_NAME: Name = Name(b"Ubuntu-Light");
/// How the codes of text name glyphs: they are the glyphs' numbers.
const IDENTITY: SystemInfo = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// The embedded font and those of its glyphs that were written.
struct Text {
    font: FontRef<'static>,
    per_em: f32,
    used: BTreeMap<u16, (char, f32)>,
}

impl Text {
    fn new() -> Self {
        let font = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).expect("the embedded font is sound");
        let per_em = font.units_per_em().expect("an outline font has an em");
        Self { font, per_em, used: BTreeMap::new() }
    }

    /// A line as glyphs, and its width in units of a drawing.
    fn set(&mut self, text: &str) -> (Vec<u8>, f64) {
        let (mut codes, mut width) = (Vec::new(), 0.0);
        for c in text.chars() {
            let GlyphId(id) = self.font.glyph_id(c);
            let advance = self.thousandths(self.font.h_advance_unscaled(GlyphId(id)));
            self.used.entry(id).or_insert((c, advance));
            codes.extend(id.to_be_bytes());
            width += f64::from(advance) / 1000.0 * TEXT;
        }
        (codes, width)
    }

    /// A length of the font in thousandths of its size, as PDF counts.
    fn thousandths(&self, length: f32) -> f32 {
        1000.0 * length / self.per_em
    }

    /// Writes the font and what its glyphs mean.
    fn write(&self, pdf: &mut Pdf, [font, cid, descriptor, data, unicode]: [Ref; 5]) {
        pdf.type0_font(font)
            .base_font(FONT_NAME)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid)
            .to_unicode(unicode);
        let mut of_glyphs = pdf.cid_font(cid);
        of_glyphs.subtype(CidFontType::Type2).base_font(FONT_NAME).system_info(IDENTITY);
        of_glyphs.font_descriptor(descriptor).cid_to_gid_map_predefined(Name(b"Identity"));
        let mut widths = of_glyphs.widths();
        for (id, (_, advance)) in &self.used {
            widths.consecutive(*id, [*advance]);
        }
        widths.finish();
        of_glyphs.finish();
        let (ascent, descent) =
            (self.thousandths(self.font.ascent_unscaled()), self.thousandths(self.font.descent_unscaled()));
        pdf.font_descriptor(descriptor)
            .name(FONT_NAME)
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(-200.0, descent, 1500.0, ascent))
            .italic_angle(0.0)
            .ascent(ascent)
            .descent(descent)
            .cap_height(693.0)
            .stem_v(50.0)
            .font_file2(data);
        let bytes = epaint_default_fonts::UBUNTU_LIGHT;
        let packed = packed(bytes);
        pdf.stream(data, &packed).filter(Filter::FlateDecode).pair(Name(b"Length1"), bytes.len() as i32);
        let mut map = UnicodeCmap::new(FONT_NAME, IDENTITY);
        for (id, (c, _)) in &self.used {
            map.pair(*id, *c);
        }
        pdf.cmap(unicode, &map.finish());
    }
}

/// The bytes of the file.
pub fn pdf(drawing: &Drawing) -> Vec<u8> {
    let ids: [Ref; 13] = std::array::from_fn(|i| Ref::new(i as i32 + 1));
    let [catalog, pages, page, content, about, faint, half, area, rest @ ..] = ids;
    let mut text = Text::new();
    let drawn = packed(&marks(drawing, &mut text));
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([page]).count(1);
    pdf.document_info(about).title(TextStr(&drawing.title)).creator(TextStr("fixmatch"));
    let mut only = pdf.page(page);
    only.parent(pages).contents(content);
    only.media_box(Rect::new(0.0, 0.0, (drawing.width * POINTS) as f32, (drawing.height * POINTS) as f32));
    let mut resources = only.resources();
    resources.fonts().pair(FONT, rest[0]);
    resources.ext_g_states().pair(FAINT, faint).pair(HALF, half).pair(AREA, area);
    resources.finish();
    only.finish();
    pdf.ext_graphics(faint).stroking_alpha(FAINT_OPACITY);
    pdf.ext_graphics(half).stroking_alpha(HALF_OPACITY);
    pdf.ext_graphics(area).non_stroking_alpha(AREA_OPACITY as f32);
    pdf.stream(content, &drawn).filter(Filter::FlateDecode);
    text.write(&mut pdf, rest);
    pdf.finish()
}

/// The states in which what lies below is seen through.
const FAINT: Name = Name(b"Faint");
const AREA: Name = Name(b"Area");
const HALF: Name = Name(b"Half");
const FAINT_OPACITY: f32 = 0.15;
const HALF_OPACITY: f32 = 0.4;

/// The drawing as PDF's operators.
fn marks(drawing: &Drawing, text: &mut Text) -> Vec<u8> {
    let mut content = Content::new();
    // the origin of a page is below, and a unit of the drawing is less than a point
    content.transform([POINTS as f32, 0.0, 0.0, POINTS as f32, 0.0, 0.0]);
    content.set_line_join(LineJoinStyle::RoundJoin);
    let place = |(x, y): (f64, f64)| (x as f32, (drawing.height - y) as f32);
    let unit = |color: Color| color.rgb().unwrap_or(INK).map(|part| f32::from(part) / 255.0);
    for mark in &drawing.marks {
        content.save_state();
        match mark {
            Mark::Line { points, color, opacity } => {
                if *opacity < 1.0 {
                    content.set_parameters(if *opacity < 0.3 { FAINT } else { HALF });
                }
                let [r, g, b] = unit(*color);
                content.set_stroke_rgb(r, g, b).set_line_width(color.width() as f32);
                content.set_dash_pattern(color.dashes().iter().copied(), 0.0);
                trace(&mut content, points.iter().map(|it| place(*it)));
                content.stroke();
            }
            Mark::Area { points, color } => {
                let [r, g, b] = unit(*color);
                content.set_parameters(AREA).set_fill_rgb(r, g, b);
                trace(&mut content, points.iter().map(|it| place(*it)));
                content.close_path().fill_nonzero();
            }
            Mark::Text { at, anchor, is_bold, text: line } => {
                let (codes, width) = text.set(line);
                let before = match anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => width / 2.0,
                    Anchor::End => width,
                };
                let (start, [r, g, b]) = (place((at.0 - before, at.1)), unit(Color::Ink));
                content.set_fill_rgb(r, g, b).begin_text().set_font(FONT, TEXT as f32);
                if *is_bold {
                    let both = pdf_writer::types::TextRenderingMode::FillStroke;
                    content.set_text_rendering_mode(both).set_stroke_rgb(r, g, b).set_line_width(0.4);
                }
                content.next_line(start.0, start.1).show(Str(&codes)).end_text();
            }
        }
        content.restore_state();
    }
    content.finish().to_vec()
}

fn trace(content: &mut Content, points: impl Iterator<Item = (f32, f32)>) {
    for (i, (x, y)) in points.enumerate() {
        if i == 0 {
            content.move_to(x, y)
        } else {
            content.line_to(x, y)
        };
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory does not fail")
}
