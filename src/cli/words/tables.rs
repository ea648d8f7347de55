//! A table, and how it is written for a terminal, a README, a paper, a page or a spreadsheet.

use anyhow::Result;
use fixmatch::base::text::clean;

use super::numbers::table;

/// A table of words.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What its columns are called.
    pub head: Vec<String>,
    /// Its rows, as long as the head.
    pub rows: Vec<Vec<String>>,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Text,
    /// For a README.
    Markdown,
    /// For a paper, with booktabs.
    Latex,
    /// For a spreadsheet.
    Csv,
}

impl Table {
    /// The table with this head.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Written in a format.
    pub fn written(&self, format: Format) -> Result<String> {
        Ok(match format {
            Format::Text => self.text(),
            Format::Markdown => self.markdown(),
            Format::Latex => self.latex(),
            Format::Csv => self.csv()?,
        })
    }

    fn text(&self) -> String {
        let head: Vec<String> = self.head.iter().map(|name| name.to_uppercase()).collect();
        table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &self.rows)
    }

    fn markdown(&self) -> String {
        let cell = |text: &String| clean(text).replace('\\', "\\\\").replace('|', "\\|");
        let line = |cells: &[String]| format!("| {} |", cells.iter().map(cell).collect::<Vec<_>>().join(" | "));
        let rule = format!("|---|{}", "---:|".repeat(self.head.len().saturating_sub(1)));
        let rows = self.rows.iter().map(|row| line(row));
        [line(&self.head), rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
    }

    fn latex(&self) -> String {
        let line =
            |cells: &[String]| format!("{} \\\\", cells.iter().map(|it| latex(it)).collect::<Vec<_>>().join(" & "));
        let columns = format!("l{}", "r".repeat(self.head.len().saturating_sub(1)));
        let mut lines = vec![format!("\\begin{{tabular}}{{{columns}}}"), "\\toprule".into(), line(&self.head)];
        lines.push("\\midrule".into());
        lines.extend(self.rows.iter().map(|row| line(row)));
        lines.extend(["\\bottomrule".into(), "\\end{tabular}".into()]);
        lines.join("\n")
    }

    fn csv(&self) -> Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.head)?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        let text = String::from_utf8(writer.into_inner()?)?;
        Ok(text.trim_end().to_owned())
    }

    /// As HTML, the first column to the left.
    pub fn html(&self) -> String {
        let cells = |tag: &str, cells: &[String]| {
            cells.iter().map(|text| format!("<{tag}>{}</{tag}>", html(text))).collect::<Vec<_>>().concat()
        };
        let rows: Vec<_> = self.rows.iter().map(|row| format!("<tr>{}</tr>\n", cells("td", row))).collect();
        format!(
            "<div class=\"wide\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
            cells("th", &self.head),
            rows.concat()
        )
    }
}

/// Text in a page of HTML or an SVG, in an attribute too.
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text in LaTeX, with the signs of our tables as LaTeX has them.
pub fn latex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', c]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '±' => escaped.push_str("$\\pm$"),
            '−' => escaped.push_str("$-$"),
            '–' => escaped.push_str("--"),
            '<' | '>' => escaped.extend(['$', c, '$']),
            '≥' => escaped.push_str("$\\geq$"),
            'λ' => escaped.push_str("$\\lambda$"),
            'τ' => escaped.push_str("$\\tau$"),
            'μ' => escaped.push_str("$\\mu$"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_safe_in_every_format() {
        let mut table = Table::new(&["a|b", "n_x"]);
        table.rows.push(vec!["<b>&\"\x1b[31m".into(), "61.2 ± 0.3 %".into()]);
        let written = |format| table.written(format).expect("written");
        assert_eq!(written(Format::Markdown), "| a\\|b | n_x |\n|---|---:|\n| <b>&\"␛[31m | 61.2 ± 0.3 % |");
        let latex = written(Format::Latex);
        assert!(latex.contains("a|b & n\\_x \\\\") && latex.contains("61.2 $\\pm$ 0.3 \\% \\\\"), "{latex}");
        assert!(latex.starts_with("\\begin{tabular}{lr}\n\\toprule") && latex.ends_with("\\end{tabular}"), "{latex}");
        assert!(written(Format::Csv).starts_with("a|b,n_x\n\"<b>&\"\""), "{}", written(Format::Csv));
        assert!(table.html().contains("<td>&lt;b&gt;&amp;&quot;␛[31m</td>"), "{}", table.html());
        assert!(written(Format::Text).starts_with("A|B"));
    }
}
