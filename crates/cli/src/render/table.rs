//! Tables: columns wide enough for what they hold, two spaces between, nothing else.

/// A table with a line of titles. Widths are counted in characters.
pub fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let columns = titles.len();
    let cell = |row: &Vec<String>, column: usize| row.get(column).map(|it| it.replace('\n', " ")).unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .map(|row| cell(row, column).chars().count())
                .chain([titles[column].chars().count()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |cells: Vec<String>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(text, width)| format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count()))));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = line(titles.iter().map(|it| it.to_uppercase()).collect());
    let body = rows.iter().map(|row| line((0..columns).map(|column| cell(row, column)).collect()));
    std::iter::once(head).chain(body).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_where_they_end() {
        let rows = vec![
            vec!["a".to_owned(), "long text".into()],
            vec!["überlang".into(), "x\ny".into()],
            vec!["short".into()],
        ];
        assert_eq!(table(&["name", "what"], &rows), "NAME      WHAT\na         long text\nüberlang  x y\nshort");
    }
}
