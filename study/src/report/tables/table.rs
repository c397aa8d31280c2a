//! A table in Markdown.

/// A table under construction.
pub struct Table(String);

impl Table {
    /// Creates a table whose first column is text and whose other columns are numbers.
    pub fn new(columns: &[&str]) -> Self {
        let head = columns.join(" | ");
        let rule = "---:|".repeat(columns.len() - 1);
        Self(format!("| {head} |\n|---|{rule}\n"))
    }

    /// Creates a table whose columns are text.
    pub fn with_text_columns(columns: &[&str]) -> Self {
        let (head, rule) = (columns.join(" | "), "---|".repeat(columns.len()));
        Self(format!("| {head} |\n|{rule}\n"))
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[String]) {
        self.0 += &format!("| {} |\n", cells.join(" | "));
    }

    /// Returns the text without the last line break.
    pub fn end(self) -> String {
        self.0.trim_end().to_owned()
    }
}
