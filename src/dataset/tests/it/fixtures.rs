//! Tiny data sets of each layout, made on the spot. No two parts have the same pixels.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb};

pub(crate) const WIDTH: u32 = 6;
pub(crate) const HEIGHT: u32 = 4;
pub(crate) const UNIT_M: f64 = 0.0001;
/// Column and row of the one pixel that the fixtures' masks mark.
pub(crate) const MARKED: (u32, u32) = (2, 1);
/// Column and row where the fixtures' depth has no measurement.
pub(crate) const HOLE: (u32, u32) = (5, 3);

/// Any part: a place in the set's order, from which its pixels follow.
#[derive(Clone, Copy)]
pub(crate) struct Look(pub u32);

impl Look {
    pub(crate) fn rgb(self, column: u32, row: u32) -> [u8; 3] {
        [self.0 as u8, (10 * column) as u8, (10 * row) as u8]
    }

    /// Counts of a tenth of a millimetre.
    pub(crate) fn depth(self, column: u32, row: u32) -> u16 {
        if (column, row) == HOLE {
            0
        } else {
            (4000 + 10 * self.0 + column) as u16
        }
    }

    pub(crate) fn rgb_image(self) -> DynamicImage {
        ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| Rgb(self.rgb(x, y))).into()
    }

    pub(crate) fn depth_image(self) -> DynamicImage {
        ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| Luma([self.depth(x, y)])).into()
    }

    /// Points in metres; x and y are whatever, with a true zero in column 0.
    pub(crate) fn points_image(self) -> DynamicImage {
        ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| {
            let z = f32::from(self.depth(x, y)) * 1e-4;
            if z > 0.0 {
                Rgb([x as f32 * 0.001, y as f32 * 0.002, z])
            } else {
                Rgb([0.0; 3])
            }
        })
        .into()
    }
}

/// A mask that marks one pixel with `code`, or none with 0.
pub(crate) fn mask_image(code: u8) -> DynamicImage {
    ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| {
        Luma([if (x, y) == MARKED { code } else { 0 }])
    })
    .into()
}

pub(crate) fn put(path: &Path, bytes: &[u8]) {
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, bytes).unwrap();
}

pub(crate) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn put_png(path: &Path, picture: &DynamicImage) {
    put(path, &encoded(picture, ImageFormat::Png));
}

pub(crate) fn put_camera(root: &Path) {
    let text = format!(
        r#"{{"width": {WIDTH}, "height": {HEIGHT}, "fx": 9.5, "fy": 9.25, "cx": 2.5, "cy": 1.5,
            "depth_unit_m": {UNIT_M}, "distance_to_belt_mm": 450.0}}"#
    );
    put(&root.join("camera.json"), text.as_bytes());
}

/// One part to be made.
#[derive(Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) split: &'static str,
    pub(crate) class: &'static str,
    pub(crate) name: &'static str,
}

/// Parts of a set with splits of its own, in the order in which they must be listed.
pub(crate) const PARTS: [Spec; 6] = [
    Spec {
        split: "train",
        class: "good",
        name: "000",
    },
    Spec {
        split: "train",
        class: "good",
        name: "001",
    },
    Spec {
        split: "validation",
        class: "good",
        name: "000",
    },
    Spec {
        split: "test",
        class: "cut",
        name: "000",
    },
    Spec {
        split: "test",
        class: "good",
        name: "000",
    },
    Spec {
        split: "test",
        class: "hole",
        name: "007",
    },
];

impl Spec {
    fn is_good(&self) -> bool {
        self.class == "good"
    }
}

fn each(parts: &[Spec], mut make: impl FnMut(&Spec, Look)) {
    // Backwards, so that no reader passes by listing in the order of creation.
    for (place, part) in parts.iter().enumerate().rev() {
        make(part, Look(place as u32));
    }
}

pub(crate) fn recorded(root: &Path, with_depth: bool) {
    put_camera(root);
    each(&PARTS, |part, look| {
        let folder = root.join(part.split).join(part.class).join(part.name);
        put_png(&folder.join("rgb.png"), &look.rgb_image());
        if with_depth {
            put_png(&folder.join("depth.png"), &look.depth_image());
        }
        if !part.is_good() {
            put_png(&folder.join("mask.png"), &mask_image(255));
        }
    });
    put(&root.join("meta.json"), b"{}");
}

pub(crate) fn mvtec_3d_points(root: &Path) {
    each(&PARTS, |part, look| {
        let class = root.join(part.split).join(part.class);
        put_png(
            &class.join(format!("rgb/{}.png", part.name)),
            &look.rgb_image(),
        );
        let points = encoded(&look.points_image(), ImageFormat::Tiff);
        put(&class.join(format!("xyz/{}.tiff", part.name)), &points);
        if part.split == "test" {
            let code = if part.is_good() { 0 } else { 254 };
            put_png(
                &class.join(format!("gt/{}.png", part.name)),
                &mask_image(code),
            );
        }
    });
    put(&root.join("calibration/camera_parameters.json"), b"{}");
}

pub(crate) fn mvtec_3d_depth(root: &Path) {
    put_camera(root);
    each(&PARTS, |part, look| {
        let class = root.join(part.split).join(part.class);
        put_png(
            &class.join(format!("rgb/{}.png", part.name)),
            &look.rgb_image(),
        );
        put_png(
            &class.join(format!("depth/{}.png", part.name)),
            &look.depth_image(),
        );
        if !part.is_good() {
            put_png(
                &class.join(format!("gt/{}.png", part.name)),
                &mask_image(255),
            );
        }
    });
}

/// Twelve training pictures in grey, of which two must be held out.
pub(crate) fn mvtec_ad(root: &Path) {
    for place in (0..12).rev() {
        let grey = Look(place).rgb_image().into_luma8();
        put_png(
            &root.join(format!("train/good/{place:03}.png")),
            &grey.into(),
        );
    }
    put_png(&root.join("test/good/000.png"), &Look(12).rgb_image());
    put_png(&root.join("test/scratch/000.png"), &Look(13).rgb_image());
    put_png(
        &root.join("ground_truth/scratch/000_mask.png"),
        &mask_image(255),
    );
}
