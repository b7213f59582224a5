//! Paths in commands that people paste.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path as a shell takes it for one word, and without what a terminal would obey: that, and what is no text, goes by numbers, as
/// bash and zsh read them.
pub fn word(path: &Path) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+=:,@%".contains(letter);
    let bytes = path.as_os_str().as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Ok(text) if !text.chars().any(is_obeyed) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        Ok(_) | Err(_) => by_numbers(bytes),
    }
}

/// Whether a terminal obeys a letter in the place of showing it: a control, or what changes the direction of the text behind
/// it, so that a name reads as another one (Unicode's bidirectional algorithm, UAX 9, section 2).
fn is_obeyed(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn by_numbers(bytes: &[u8]) -> String {
    let mut word = String::from("$'");
    let number = |byte: u8| format!("\\x{byte:02x}");
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' | '\'' => word.extend(['\\', letter]),
                letter if is_obeyed(letter) => {
                    let mut utf8 = [0; 4];
                    word.extend(letter.encode_utf8(&mut utf8).bytes().map(number));
                }
                letter => word.push(letter),
            }
        }
        word.extend(chunk.invalid().iter().copied().map(number));
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        let told = |path: &str| word(Path::new(path));
        assert_eq!(told("/etc/twinspect/left.toml"), "/etc/twinspect/left.toml");
        assert_eq!(told("line 3/left.toml"), "'line 3/left.toml'");
        assert_eq!(told("$HOME;it's"), r"'$HOME;it'\''s'");
        assert_eq!(told(""), "''");
    }

    #[test]
    fn no_terminal_obeys_a_path() {
        let told = word(Path::new("a\u{1b}[2J\u{85}'\\.toml"));
        assert_eq!(told, r"$'a\x1b[2J\xc2\x85\'\\.toml'");
        let told = word(Path::new("cap\u{202e}2.0-"));
        assert_eq!(told, r"$'cap\xe2\x80\xae2.0-'");
        let no_text = OsStr::from_bytes(b"a\xff b");
        assert_eq!(word(Path::new(no_text)), r"$'a\xff b'");
    }
}
