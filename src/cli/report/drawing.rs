//! A drawing of lines, areas and text, and how it is written as SVG.
//!
//! Ink takes the colour of its surroundings, so that one figure suits a bright page, a dark one and paper. Curves differ in
//! colour (Okabe and Ito's, which colour-blind people tell apart) and in their dashes.

use std::fmt::Write as _;

use crate::words::tables::html;

const COLORS: [[u8; 3]; 8] = [
    [0x00, 0x72, 0xb2],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x9e, 0x73],
    [0xcc, 0x79, 0xa7],
    [0xe6, 0x9f, 0x00],
    [0x56, 0xb4, 0xe9],
    [0x8c, 0x6d, 0x31],
    [0x7f, 0x7f, 0x7f],
];
const DASHES: [&[f32]; 4] = [&[], &[7.0, 3.0], &[2.0, 3.0], &[9.0, 3.0, 2.0, 3.0]];

/// The height of text, in units of a drawing.
pub const TEXT: f64 = 12.0;

/// What is drawn, in the order in which it is, from the top left.
#[derive(Debug)]
pub struct Drawing {
    /// What it shows, in words.
    pub title: String,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// What is on it.
    pub marks: Vec<Mark>,
}

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// That of text.
    Ink,
    /// That of the nth curve.
    Curve(usize),
}

/// Something that is drawn.
#[derive(Debug)]
pub enum Mark {
    /// A line through points.
    Line {
        /// The points.
        points: Vec<(f64, f64)>,
        /// Its colour; a curve is wider, and dashed where that tells it from others.
        color: Color,
        /// From 0 to 1.
        opacity: f64,
    },
    /// What lies between points, with a colour through which others are seen.
    Area {
        /// The points around it.
        points: Vec<(f64, f64)>,
        /// Its colour.
        color: Color,
    },
    /// A line of text.
    Text {
        /// Where its base line begins, ends or has its middle.
        at: (f64, f64),
        /// Which of these.
        anchor: Anchor,
        /// Whether it is a title.
        is_bold: bool,
        /// The text.
        text: String,
    },
}

/// Where text stands from its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// To the right.
    Start,
    /// On both sides.
    Middle,
    /// To the left.
    End,
}

/// How much of an area's colour covers what is below it.
pub const AREA_OPACITY: f64 = 0.16;

impl Color {
    /// Red, green and blue of a curve; None for ink.
    pub fn rgb(self) -> Option<[u8; 3]> {
        match self {
            Self::Ink => None,
            Self::Curve(i) => Some(COLORS[i % COLORS.len()]),
        }
    }

    /// The lengths of the dashes of a line and of the gaps between them; none where it is whole.
    pub fn dashes(self) -> &'static [f32] {
        match self {
            Self::Ink => &[],
            Self::Curve(i) => DASHES[i % DASHES.len()],
        }
    }

    /// The width of a line.
    pub fn width(self) -> f64 {
        if self == Self::Ink { 1.0 } else { 1.8 }
    }

    fn css(self) -> String {
        self.rgb().map_or_else(|| "currentColor".into(), |[r, g, b]| format!("#{r:02x}{g:02x}{b:02x}"))
    }
}

impl Drawing {
    /// As SVG; `root` are more attributes of its root.
    pub fn svg(&self, root: &str) -> String {
        let Self { width, height, .. } = self;
        let title = html(&self.title);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"system-ui, 'Helvetica Neue', Arial, sans-serif\" font-size=\"{TEXT}\" \
             role=\"img\" aria-label=\"{title}\"{root}>\n<title>{title}</title>\n"
        );
        for mark in &self.marks {
            svg.push_str(&mark.svg());
        }
        svg.push_str("</svg>\n");
        svg
    }
}

impl Mark {
    fn svg(&self) -> String {
        let mut svg = String::new();
        let path =
            |points: &[(f64, f64)]| points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect::<Vec<_>>().join("L");
        let _ = match self {
            Self::Line { points, color, opacity } => {
                let mut more = String::new();
                if *opacity < 1.0 {
                    let _ = write!(more, " stroke-opacity=\"{opacity}\"");
                }
                if *color != Color::Ink {
                    let dashes: Vec<_> = color.dashes().iter().map(f32::to_string).collect();
                    let dashes = if dashes.is_empty() { "none".into() } else { dashes.join(" ") };
                    let width = color.width();
                    let _ = write!(
                        more,
                        " stroke-width=\"{width}\" stroke-linejoin=\"round\" stroke-dasharray=\"{dashes}\""
                    );
                }
                writeln!(svg, "<path d=\"M{}\" fill=\"none\" stroke=\"{}\"{more}/>", path(points), color.css())
            }
            Self::Area { points, color } => writeln!(
                svg,
                "<path d=\"M{}Z\" fill=\"{}\" fill-opacity=\"{AREA_OPACITY}\"/>",
                path(points),
                color.css()
            ),
            Self::Text { at: (x, y), anchor, is_bold, text } => {
                let anchor = match anchor {
                    Anchor::Start => "",
                    Anchor::Middle => " text-anchor=\"middle\"",
                    Anchor::End => " text-anchor=\"end\"",
                };
                let weight = if *is_bold { " font-weight=\"bold\"" } else { "" };
                let text = html(text);
                writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\"{anchor}{weight} fill=\"currentColor\">{text}</text>")
            }
        };
        svg
    }
}
