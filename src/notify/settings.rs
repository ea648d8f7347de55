//! `[notify]` of the user's settings: whom to tell, and of what.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use ureq::http::Uri;

use crate::base::files;
use crate::base::hex::sha256_hex;

/// What happened, as `notify.on` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A run has done all its steps.
    Finished,
    /// Somebody stopped or suspended a run.
    Stopped,
    /// A run ended by an error.
    Failed,
    /// A worker vanished: killed, or the machine went down.
    Lost,
    /// Pseudo-labels go wrong.
    Alarm,
    /// A suite is done, or its queue has ended before.
    Suite,
    /// `fixmatch notify test`
    Test,
}

impl Kind {
    /// As a title begins.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Alarm => "alarm",
            Self::Suite => "suite",
            Self::Test => "test",
        }
    }

    /// Whether somebody should look soon.
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Failed | Self::Lost | Self::Alarm)
    }
}

/// The keys of `[notify]`.
pub const FIELDS: [&str; 7] = ["on", "ntfy", "ntfy_token", "slack", "webhook", "mail", "sendmail"];

/// `[notify]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// What to tell of.
    pub on: Vec<Kind>,
    ntfy: Several<Topic>,
    /// The access token of protected topics.
    ntfy_token: Option<String>,
    slack: Several<Address>,
    webhook: Several<Address>,
    mail: Several<Mailbox>,
    /// The program that takes mail, as sendmail does.
    sendmail: String,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            on: vec![Kind::Finished, Kind::Failed, Kind::Lost, Kind::Alarm, Kind::Suite],
            ntfy: Several::default(),
            ntfy_token: None,
            slack: Several::default(),
            webhook: Several::default(),
            mail: Several::default(),
            sendmail: "/usr/sbin/sendmail".into(),
        }
    }
}

/// Who is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Receiver {
    /// A topic of ntfy: the text is the body, the title and the priority are headers.
    Ntfy {
        /// `https://SERVER/TOPIC`
        url: String,
        /// The access token.
        token: Option<String>,
    },
    /// What takes `{"text": …}` with Slack's marks, as Slack and Mattermost do.
    Slack(String),
    /// Anything else that takes JSON.
    Webhook(String),
    /// A mailbox.
    Mail {
        /// The address.
        to: String,
        /// The program that takes the mail.
        program: String,
    },
}

impl Receiver {
    /// Who it is, without what may be secret in an address.
    pub fn name(&self) -> String {
        let host = |url: &str| url.parse::<Uri>().ok().and_then(|uri| Some(uri.authority()?.to_string()));
        let host = |url: &str| host(url).unwrap_or_default();
        match self {
            Self::Ntfy { url, .. } => format!("ntfy at {}", host(url)),
            Self::Slack(url) => format!("Slack's webhook at {}", host(url)),
            Self::Webhook(url) => format!("the webhook at {}", host(url)),
            Self::Mail { to, .. } => format!("mail to {to}"),
        }
    }

    /// A name for files, which tells nothing.
    pub fn key(&self) -> String {
        let address = match self {
            Self::Ntfy { url, .. } => format!("ntfy {url}"),
            Self::Slack(url) => format!("slack {url}"),
            Self::Webhook(url) => format!("webhook {url}"),
            Self::Mail { to, .. } => format!("mail {to}"),
        };
        sha256_hex(address.as_bytes())[..12].to_owned()
    }
}

impl Notify {
    /// What the settings say; without a file or the table, nobody is told.
    pub fn read(path: &Path) -> Result<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct File {
            notify: Notify,
        }
        match files::read_text(path, files::MAX_TOML) {
            Ok(text) => toml::from_str::<File>(&text)
                .map(|file| file.notify)
                .map_err(|error| anyhow!("{}: {}", path.display(), error.to_string().trim_end())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Everybody who is to be told.
    pub fn receivers(&self) -> Vec<Receiver> {
        let ntfy = |it: &Topic| Receiver::Ntfy { url: it.0.0.clone(), token: self.ntfy_token.clone() };
        let mail = |it: &Mailbox| Receiver::Mail { to: it.0.clone(), program: self.sendmail.clone() };
        let mut all: Vec<Receiver> = self.ntfy.0.iter().map(ntfy).collect();
        all.extend(self.slack.0.iter().map(|it| Receiver::Slack(it.0.clone())));
        all.extend(self.webhook.0.iter().map(|it| Receiver::Webhook(it.0.clone())));
        all.extend(self.mail.0.iter().map(mail));
        let mut keys = std::collections::HashSet::new();
        all.retain(|receiver| keys.insert(receiver.key()));
        all
    }
}

/// `http://` or `https://`, with a host.
#[derive(Clone, Debug, PartialEq)]
struct Address(String);

/// The same with the name of a topic.
#[derive(Clone, Debug, PartialEq)]
struct Topic(Address);

/// `NAME@HOST`
#[derive(Clone, Debug, PartialEq)]
struct Mailbox(String);

impl TryFrom<&str> for Address {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        let uri = text.parse::<Uri>().ok();
        let is_web = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        if uri.is_some_and(|uri| is_web(&uri)) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("must be an address as https://HOST/PATH, not {text:?}"))
    }
}

impl TryFrom<&str> for Topic {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        let address = Address::try_from(text)?;
        let uri = text.parse::<Uri>().expect("an address");
        let topic = uri.path().trim_matches('/');
        if topic.is_empty() || topic.contains('/') || uri.query().is_some() {
            return Err(format!("must be the address of a topic as https://ntfy.sh/TOPIC, not {text:?}"));
        }
        Ok(Self(address))
    }
}

impl TryFrom<&str> for Mailbox {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>,;:\"()".contains(c);
        match text.split_once('@') {
            Some((name, host)) if !name.is_empty() && !host.is_empty() && text.chars().all(is_plain) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(format!("must be one address as name@host, not {text:?}")),
        }
    }
}

/// One, or a list.
#[derive(Clone, Debug, PartialEq)]
struct Several<T>(Vec<T>);

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: for<'a> TryFrom<&'a str, Error = String>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrList<T>(std::marker::PhantomData<T>);
        impl<'de, T: for<'a> TryFrom<&'a str, Error = String>> Visitor<'de> for OneOrList<T> {
            type Value = Several<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an address in quotes, or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Several(vec![T::try_from(text).map_err(E::custom)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    all.push(T::try_from(&text).map_err(de::Error::custom)?);
                }
                Ok(Several(all))
            }
        }
        deserializer.deserialize_any(OneOrList(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Notify> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).expect("written");
        Notify::read(&path)
    }

    #[test]
    fn everybody_is_named_once_and_no_name_holds_a_secret() {
        let text = r#"
            bell = "osc9"
            [notify]
            on = ["failed", "stopped"]
            ntfy = "https://ntfy.sh/my-secret-topic"
            slack = ["https://hooks.slack.com/services/T0/B0/secret", "https://hooks.slack.com/services/T0/B0/secret"]
            webhook = "http://127.0.0.1:8080/secret"
            mail = ["me@example.org"]
        "#;
        let notify = read(text).expect("reads");
        let names: Vec<_> = notify.receivers().iter().map(Receiver::name).collect();
        let expected = [
            "ntfy at ntfy.sh",
            "Slack's webhook at hooks.slack.com",
            "the webhook at 127.0.0.1:8080",
            "mail to me@example.org",
        ];
        assert_eq!(names, expected);
        assert_eq!(notify.on, [Kind::Failed, Kind::Stopped]);
        assert!(read("bell = \"osc9\"").expect("reads").receivers().is_empty());
    }

    #[test]
    fn an_error_names_the_line_the_key_and_what_is_allowed() {
        for (text, line, expected) in [
            ("[notify]\nntfy = \"ntfy.sh/topic\"", "line 2", "must be an address as https://HOST/PATH"),
            (
                "[notify]\nntfy = \"https://ntfy.sh\"",
                "line 2",
                "must be the address of a topic as https://ntfy.sh/TOPIC",
            ),
            ("[notify]\nslack = 5", "line 2", "an address in quotes, or a list of them"),
            ("[notify]\nwebhook = [\"https://a/b\",\n\"file:///etc\"]", "line 2", "must be an address"),
            ("[notify]\nmail = \"a@b, c@d\"", "line 2", "must be one address as name@host"),
            ("[notify]\nmail = \"a@b\\nBcc: c@d\"", "line 2", "must be one address as name@host"),
            ("[notify]\non = [\"done\"]", "line 2", "expected one of `finished`, `stopped`, `failed`"),
            ("[notify]\nntfi = \"x\"", "line 2", "unknown field `ntfi`"),
        ] {
            let error = format!("{:#}", read(text).expect_err(text));
            assert!(error.contains(line) && error.contains(expected), "{text}\n{error}");
        }
    }
}
