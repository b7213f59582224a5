//! Rust source without its comments and without the insides of its strings.

/// The code of a source file. Comments become a space and literals become `""`; line breaks stay,
/// so that lines keep their numbers.
pub(crate) fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match literal(&code, rest) {
            Some((length, replacement)) => {
                code.push_str(replacement);
                let skipped = &rest[..length];
                code.extend(skipped.chars().filter(|&character| character == '\n'));
                length
            }
            None => {
                code.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    code
}

/// The string literals of a source file, raw ones and those in comments apart: where each begins, and what is written
/// between its quotes.
pub(crate) fn strings(source: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut before = String::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let length = match literal(&before, rest) {
            Some((length, replacement)) => {
                if first == '"' {
                    found.push((at, rest.get(1..length - 1).unwrap_or_default()));
                }
                before.push_str(replacement);
                length
            }
            None => {
                before.push(first);
                first.len_utf8()
            }
        };
        at += length;
    }
    found
}

/// Whole words of a text: letters, digits and underscores.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty())
}

/// Length of the comment, string or character that `rest` starts with, and what stands for it.
fn literal(before: &str, rest: &str) -> Option<(usize, &'static str)> {
    if rest.starts_with("//") {
        return Some((rest.find('\n').unwrap_or(rest.len()), " "));
    }
    if rest.starts_with("/*") {
        return Some((block_comment(rest), " "));
    }
    if rest.starts_with('"') {
        return Some((quoted(rest, '"'), "\"\""));
    }
    let in_word = before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
    if rest.starts_with('r') && (!in_word || before.ends_with('b')) {
        return raw_string(rest).map(|length| (length, "\"\""));
    }
    if rest.starts_with('\'') {
        let mut characters = rest.chars().skip(1);
        let (first, second) = (characters.next()?, characters.next()?);
        if first == '\\' || second == '\'' {
            return Some((quoted(rest, '\''), "' '"));
        }
    }
    None
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// Length of a literal between two quotes, of which escaped ones do not count.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + character.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest[1..].bytes().take_while(|&byte| byte == b'#').count();
    let body = rest[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(2 + hashes + length)
}

#[test]
fn comments_and_literals_leave_the_code() {
    let source = "a /* x /* y */ z */ b // c\n\"d \\\" e\" f r#\"g\"h\"# 'i' '\\'' &'j k br\"l\"";
    assert_eq!(code(source), "a   b  \n\"\" f \"\" ' ' ' ' &'j k b\"\"");
    let unsafe_in = |text| words(&code(text)).any(|word| word == "unsafe");
    assert!(unsafe_in("let x = unsafe { y };"));
    assert!(!unsafe_in(
        "// unsafe\n#![forbid(unsafe_code)] let x = \"unsafe\";"
    ));
}

#[test]
fn strings_are_found_with_their_places_and_escapes() {
    let source = "a(\"b \\\" c\") // \"d\"\n'\"' r\"e\" f!(\"g\", 'h', \"\")";
    let found: Vec<&str> = strings(source).into_iter().map(|(_, text)| text).collect();
    assert_eq!(found, ["b \\\" c", "g", ""]);
    assert!(source[..strings(source)[1].0].ends_with("f!("));
}

#[test]
fn lines_keep_their_numbers() {
    assert_eq!(code("/* a\nb */ c \"d\ne\" f").matches('\n').count(), 2);
}
