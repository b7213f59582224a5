//! Good parts that teach nothing, or what they must not. Each is told before anything is trained.

use super::training::untrained;
use super::*;

/// Gives a split twelve good parts, of which no two are the same, in another split neither.
pub(super) fn fill(site: &Site, split: &str) {
    let first = if split == "train" { 0 } else { 100 };
    let depth = site.read("parts/test/good/000/depth.png");
    let colour = image::open(site.path("parts/test/good/000/rgb.png")).expect("a picture");
    for part in 0..12_u8 {
        let folder = format!("parts/{split}/good/{part:03}");
        std::fs::create_dir_all(site.path(&folder)).expect("a folder is made");
        site.write(&format!("{folder}/depth.png"), &depth);
        let mut colour = colour.to_rgb8();
        colour.put_pixel(0, 0, image::Rgb([first + part; 3]));
        let saved = colour.save(site.path(format!("{folder}/rgb.png")));
        saved.expect("a picture is written");
    }
}

/// Two splits of good parts, one of which is spoilt.
pub(super) fn filled(spoil: impl FnOnce(&Site)) -> impl FnOnce(&Site) {
    move |site: &Site| {
        fill(site, "train");
        fill(site, "validation");
        spoil(site);
    }
}

#[test]
fn a_black_part_is_named_before_training() {
    let black = image::RgbImage::new(80, 64);
    let spoil = filled(move |site| {
        let saved = black.save(site.path("parts/validation/good/003/rgb.png"));
        saved.expect("a picture is written");
    });
    let says = [
        "validation/good/003",
        "colour picture is black",
        "leave such parts out",
    ];
    untrained(spoil, &[], DATA, &says);
}

#[test]
fn parts_that_can_t_be_seen_are_named_together() {
    let spoil = filled(|site| {
        for (part, level) in [("train/good/002", 255), ("validation/good/003", 0)] {
            let one_colour = image::RgbImage::from_pixel(80, 64, image::Rgb([level; 3]));
            let saved = one_colour.save(site.path(format!("parts/{part}/rgb.png")));
            saved.expect("a picture is written");
        }
    });
    let says = [
        "2 good parts can't be judged: train/good/002, its colour picture is white; \
         validation/good/003, its colour picture is black",
        "leave such parts out",
    ];
    untrained(spoil, &[], DATA, &says);
}

/// A copy ends it, so that nothing is trained.
#[test]
fn parts_of_another_light_are_told_before_training() {
    let spoil = filled(|site| {
        let path = site.path("parts/train/good/002/rgb.png");
        let mut dark = image::open(&path).expect("a picture").into_rgb8();
        let pixels = dark.pixels_mut();
        pixels.for_each(|pixel| pixel.0 = pixel.0.map(|level| level / 4));
        dark.save(&path).expect("a picture is written");
        let picture = site.read("parts/train/good/004/rgb.png");
        site.write("parts/validation/good/003/rgb.png", picture);
    });
    let says = [
        "have another light than most",
        "train/good/002",
        "leave the copy out",
    ];
    untrained(spoil, &[], DATA, &says);
}

/// A copy ends it, so that nothing is trained.
#[test]
fn parts_whose_pictures_show_nothing_are_told_before_training() {
    let spoil = filled(|site| {
        let grey = image::RgbImage::from_pixel(80, 64, image::Rgb([128; 3]));
        let saved = grey.save(site.path("parts/train/good/002/rgb.png"));
        saved.expect("a picture is written");
        let picture = site.read("parts/train/good/004/rgb.png");
        site.write("parts/validation/good/003/rgb.png", picture);
    });
    let says = [
        "1 of",
        "show hardly an edge",
        "train/good/002 0.0",
        "leave the copy out",
    ];
    untrained(spoil, &[], DATA, &says);
}

#[test]
fn a_part_without_depth_is_named_before_training() {
    let spoil = filled(|site| {
        let nothing = image::ImageBuffer::<image::Luma<u16>, _>::new(80, 64);
        let saved = nothing.save(site.path("parts/train/good/003/depth.png"));
        saved.expect("a picture is written");
    });
    untrained(spoil, &[], DATA, &["train/good/003", "depth"]);
}

/// It would teach that an empty picture is a part.
#[test]
fn a_good_part_that_is_an_empty_belt_is_named_before_training() {
    let spoil = filled(|site| {
        let belt = image::Luma([4000_u16]);
        let belt = image::ImageBuffer::<image::Luma<u16>, _>::from_pixel(80, 64, belt);
        let saved = belt.save(site.path("parts/train/good/003/depth.png"));
        saved.expect("a picture is written");
    });
    let says = [
        "train/good/003",
        "hardly anything in its picture stands out",
        "leave such parts out",
    ];
    untrained(spoil, &[], DATA, &says);
}

#[test]
fn a_camera_of_which_no_bundle_may_be_is_told_before_training() {
    let spoil = filled(|site| {
        let (from, to) = (
            "\"distance_to_belt_mm\": 400.0",
            "\"distance_to_belt_mm\": 30.0",
        );
        site.edit("parts/camera.json", from, to);
    });
    let says = [
        "camera.distance_mm: expected 50 to 20000 mm, found 30.0",
        "camera.json",
    ];
    untrained(spoil, &[], DATA, &says);
}

#[test]
fn a_copy_among_the_parts_that_set_the_threshold_is_named_before_training() {
    let spoil = filled(|site| {
        let picture = site.read("parts/train/good/004/rgb.png");
        site.write("parts/validation/good/003/rgb.png", picture);
    });
    let says = [
        "validation/good/003 is the same picture as good part train/good/004",
        "leave the copy out",
    ];
    untrained(spoil, &[], DATA, &says);
}
