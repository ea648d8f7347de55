//! TensorBoard's event files: records with checksums, each an event with summaries.
//!
//! The framing is TensorFlow's `record_writer`: length, its masked CRC-32C, the bytes, their masked CRC-32C. Names and numbers of
//! fields are those of `event.proto`, `summary.proto` and `tensor.proto`. Knows nothing of FixMatch.

use std::collections::BTreeMap;

use prost::Message as _;

/// The name of the first event's version.
const VERSION: &str = "brain.Event:2";

/// `DT_FLOAT`
const FLOATS: i32 = 1;

/// `DT_STRING`
const STRINGS: i32 = 7;

/// `SessionLog.START`: what was written from its step on is void.
const START: i32 = 1;

/// `Event`
#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, prost::Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    /// `simple_value`
    #[prost(float, optional, tag = "2")]
    number: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<Tensor>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

/// `Summary.Image`
#[derive(Clone, PartialEq, prost::Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// 3 is RGB.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin_data: Option<PluginData>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PluginData {
    #[prost(string, tag = "1")]
    plugin_name: String,
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

/// `HParamsPluginData` of the plugin of hyperparameters
#[derive(Clone, PartialEq, prost::Message)]
struct Hparams {
    #[prost(oneof = "Session", tags = "3, 4")]
    session: Option<Session>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Session {
    #[prost(message, tag = "3")]
    Start(StartInfo),
    #[prost(message, tag = "4")]
    End(EndInfo),
}

/// `SessionStartInfo`
#[derive(Clone, PartialEq, prost::Message)]
struct StartInfo {
    #[prost(btree_map = "string, message", tag = "1")]
    hparams: BTreeMap<String, Hparam>,
    #[prost(string, tag = "4")]
    group_name: String,
    #[prost(double, tag = "5")]
    start_time_secs: f64,
}

/// `SessionEndInfo`
#[derive(Clone, PartialEq, prost::Message)]
struct EndInfo {
    #[prost(int32, tag = "1")]
    status: i32,
    #[prost(double, tag = "2")]
    end_time_secs: f64,
}

/// `google.protobuf.Value`
#[derive(Clone, PartialEq, prost::Message)]
struct Hparam {
    #[prost(oneof = "Setting", tags = "2, 3, 4")]
    setting: Option<Setting>,
}

/// The value of a hyperparameter.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Setting {
    /// A number.
    #[prost(double, tag = "2")]
    Number(f64),
    /// A word.
    #[prost(string, tag = "3")]
    Word(String),
    /// Yes or no.
    #[prost(bool, tag = "4")]
    Switch(bool),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
    #[prost(float, repeated, tag = "5")]
    float_val: Vec<f32>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    string_val: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Shape {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Dimension {
    #[prost(int64, tag = "1")]
    size: i64,
}

impl Event {
    /// The first event of a file.
    pub fn version(time: f64) -> Self {
        Self { wall_time: time, step: 0, what: Some(What::FileVersion(VERSION.into())) }
    }

    /// Numbers of a step, each with its tag. TensorBoard keeps them as 32-bit floats.
    pub fn scalars<'a>(time: f64, step: u64, values: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let value =
            |(tag, number): (&str, f64)| Value { tag: tag.to_owned(), number: Some(number as f32), ..Value::default() };
        Self::summary(time, step, values.into_iter().map(value).collect())
    }

    /// Text in Markdown.
    pub fn text(time: f64, step: u64, tag: &str, markdown: &str) -> Self {
        let tensor = Tensor {
            dtype: STRINGS,
            shape: Some(Shape { dim: vec![Dimension { size: 1 }] }),
            string_val: vec![markdown.as_bytes().to_vec()],
            ..Tensor::default()
        };
        let plugin_data = Some(PluginData { plugin_name: "text".into(), content: Vec::new() });
        let metadata = Some(Metadata { plugin_data });
        let value = Value { tag: tag.to_owned(), tensor: Some(tensor), metadata, ..Value::default() };
        Self::summary(time, step, vec![value])
    }

    /// A picture as PNG, of so many pixels across and down.
    pub fn image(time: f64, step: u64, tag: &str, png: Vec<u8>, (width, height): (usize, usize)) -> Self {
        let (width, height) = (width as i32, height as i32);
        let image = Image { height, width, colorspace: 3, encoded_image_string: png };
        Self::summary(time, step, vec![Value { tag: tag.to_owned(), image: Some(image), ..Value::default() }])
    }

    /// The hyperparameters of a run, for the tab that compares runs by these. Runs of one group are averaged there.
    pub fn hparams(time: f64, group: &str, settings: impl IntoIterator<Item = (String, Setting)>) -> Self {
        let settings = settings.into_iter().map(|(name, setting)| (name, Hparam { setting: Some(setting) }));
        let start = StartInfo { hparams: settings.collect(), group_name: group.to_owned(), start_time_secs: time };
        Self::session(time, "_hparams_/session_start_info", Session::Start(start))
    }

    /// How the run ended.
    pub fn ended(time: f64, well: bool) -> Self {
        let end = EndInfo { status: if well { 1 } else { 2 }, end_time_secs: time };
        Self::session(time, "_hparams_/session_end_info", Session::End(end))
    }

    fn session(time: f64, tag: &str, session: Session) -> Self {
        let content = Hparams { session: Some(session) }.encode_to_vec();
        let plugin_data = Some(PluginData { plugin_name: "hparams".into(), content });
        // the plugin reads what is in the metadata; a value needs a tensor all the same
        let tensor = Tensor {
            dtype: FLOATS,
            float_val: vec![0.0],
            shape: Some(Shape { dim: vec![Dimension { size: 1 }] }),
            ..Tensor::default()
        };
        let metadata = Some(Metadata { plugin_data });
        Self::summary(time, 0, vec![Value { tag: tag.to_owned(), tensor: Some(tensor), metadata, ..Value::default() }])
    }

    fn summary(time: f64, step: u64, value: Vec<Value>) -> Self {
        Self { wall_time: time, step: step as i64, what: Some(What::Summary(Summary { value })) }
    }

    /// Everything of this step and later ones that was written before is void.
    pub fn restart(time: f64, step: u64) -> Self {
        Self { wall_time: time, step: step as i64, what: Some(What::SessionLog(SessionLog { status: START })) }
    }

    /// Appends it to a file's bytes.
    pub fn write_to(&self, bytes: &mut Vec<u8>) {
        let event = self.encode_to_vec();
        let length = (event.len() as u64).to_le_bytes();
        bytes.extend(length);
        bytes.extend(masked(&length).to_le_bytes());
        bytes.extend(&event);
        bytes.extend(masked(&event).to_le_bytes());
    }
}

/// A CRC-32C that is no CRC of bytes with a CRC in them.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex::hex;

    #[test]
    fn checksums_are_those_of_the_specification() {
        // RFC 3720, B.4: 32 bytes of zeros; and the usual check value
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        // 0xe3069283 rotated by 15 bits is 0x2507c60d; with 0xa282ead8 added 0xc78ab0e5
        assert_eq!(masked(b"123456789"), 0xc78a_b0e5);
    }

    #[test]
    fn a_scalar_is_these_bytes() {
        let mut bytes = Vec::new();
        Event::scalars(1.5, 7, [("a", 0.5)]).write_to(&mut bytes);
        // by hand: 23 bytes; field 1 a double, 1.5; field 2 a number, 7; field 5 a summary of 10 bytes: its field 1 a value of
        // 8: field 1 the text "a", field 2 a float, 0.5
        let event = "09000000000000f83f" /* 1.5 */
            .to_owned()
            + "1007"
            + "2a0a"
            + "0a08"
            + "0a0161"
            + "150000003f";
        assert_eq!(hex(&bytes[..8]), "1700000000000000");
        assert_eq!(hex(&bytes[12..35]), event);
        assert_eq!(bytes[8..12], masked(&bytes[..8]).to_le_bytes());
        assert_eq!(bytes[35..], masked(&bytes[12..35]).to_le_bytes());
    }

    #[test]
    fn an_image_and_hyperparameters_are_these_bytes() {
        let of = |event: Event| hex(&event.encode_to_vec());
        // field 1 the time, 1.5; field 2 the step; field 5 a summary of 17 bytes: its field 1 a value of 15: field 1 the tag,
        // field 4 an image of 10: height 2, width 1, three colours, and two bytes
        let image = "0801" /* height */
            .replace("01", "02")
            + "1001"
            + "1803"
            + "2202ffd8";
        let expected = "09000000000000f83f".to_owned() + "1003" + "2a11" + "0a0f" + "0a0161" + "220a" + &image;
        assert_eq!(of(Event::image(1.5, 3, "a", vec![0xff, 0xd8], (1, 2))), expected);
        let settings = [("lr".to_owned(), Setting::Number(0.5)), ("on".to_owned(), Setting::Switch(true))];
        let bytes = of(Event::hparams(1.5, "g", settings));
        // the map's entries, each a key and a value, then the group and the time
        let lr = "0a0f".to_owned() + "0a026c72" + "1209" + "11000000000000e03f";
        let on = "0a08".to_owned() + "0a026f6e" + "1202" + "2001";
        let start = lr + &on + "220167" + "29000000000000f83f";
        assert!(bytes.contains(&start), "{bytes}");
        assert!(bytes.contains(&hex(b"_hparams_/session_start_info")) && bytes.contains(&hex(b"hparams")));
        assert!(of(Event::ended(1.5, false)).contains("220b080211000000000000f83f"));
    }

    #[test]
    fn a_restart_and_the_version_are_these_bytes() {
        let of = |event: Event| hex(&event.encode_to_vec());
        assert_eq!(of(Event::restart(0.0, 3)), "10033a020801");
        assert_eq!(of(Event::version(0.0)), format!("1a0d{}", hex(b"brain.Event:2")));
    }
}
