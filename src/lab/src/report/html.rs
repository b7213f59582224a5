//! The smallest pieces of the page: escaped text, figures in words, pictures inside the page.

use std::fmt;

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

/// Quality of the pictures; below it the truth's thin outline blurs.
const JPEG_QUALITY: u8 = 90;

/// Text with everything escaped that HTML or SVG gives a meaning, between tags and inside quoted
/// attributes. Names of parts and kinds are names of folders: anything may stand in them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a>(&'a str);

/// Text from outside.
pub(super) fn text(text: &str) -> Text<'_> {
    Text(text)
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => fmt::Write::write_char(f, character)?,
                other if other.is_control() || turns_text(other) => f.write_str("\u{FFFD}")?,
                other => fmt::Write::write_char(f, other)?,
            }
        }
        Ok(())
    }
}

/// Whether a character changes the direction of the text after it.
fn turns_text(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Per cent with one digit; a dash for what is undefined.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(
        || "\u{2013}".to_owned(),
        |share| format!("{:.1}", 100.0 * share),
    )
}

/// An interval of shares in per cent: `91.0 to 98.3`; nothing for what is undefined.
pub(super) fn interval(interval: Option<[f64; 2]>) -> String {
    interval.map_or_else(String::new, |[low, high]| {
        format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high)
    })
}

/// A score with two digits; a dash for none.
pub(super) fn score(score: Option<f32>) -> String {
    score.map_or_else(
        || "\u{2013}".to_owned(),
        |score| format!("{score:.2}").replace('-', "\u{2212}"),
    )
}

/// `1 part`, `2 parts`.
pub(super) fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A number with its thousands apart: `2,653,771`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A picture as the value of `src`.
pub(super) fn data_uri(picture: &RgbImage) -> std::io::Result<String> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode_image(picture)
        .map_err(std::io::Error::other)?;
    Ok(format!("data:image/jpeg;base64,{}", base64(&jpeg)))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            encoded.push(if place > group.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_taken_for_markup() {
        let hostile = "<img src=x onerror='alert(1)'>\"&\u{0}\u{202E}";
        let shown = text(hostile).to_string();
        assert_eq!(
            shown,
            "&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&quot;&amp;\u{FFFD}\u{FFFD}"
        );
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (2_653_771, "2,653,771"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn base64_follows_the_rfc() {
        for (bytes, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_picture_lies_inside_the_page() {
        let uri = data_uri(&RgbImage::new(8, 8)).unwrap();
        assert!(uri.starts_with("data:image/jpeg;base64,/9j/"), "{uri}");
    }
}
