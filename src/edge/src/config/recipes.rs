//! Recipes: which installed model each product has, and how one is chosen.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use twinspect_bundle::{Manifest, Version};
use twinspect_core::recipe::{RecipeLinesSpec, RecipeSpec};
use twinspect_core::reserve::{RESERVE_MAX, ReserveSpec};
use twinspect_line::Input;

use super::checker::Checker;
use super::typed::StationToml;
use super::wires::{LineToml, wire_of_input};

/// Largest number of a recipe that is chosen without lines.
const NUMBER_MAX: u32 = 9_999;
/// Most recipes.
const RECIPES_MAX: usize = 100;
/// Longest name of a recipe.
const NAME_CHARS_MAX: usize = 64;
/// What could not be kept in reserve is tried again after this time.
const RESERVE_AGAIN_US: u64 = 60_000_000;
/// Most megabytes that a reserve may have to leave free.
const FREE_MB_MAX: u64 = 1_000_000;
/// The version that is the highest one of those that are there.
const NEWEST: &str = "newest";

/// Recipes, as typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RecipesToml {
    pub(crate) list: Vec<RecipeToml>,
    pub(crate) settle_ms: f64,
    pub(crate) retry_ms: f64,
    pub(crate) preload_max: usize,
    pub(crate) preload_free_min_mb: u64,
}

impl Default for RecipesToml {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            settle_ms: 20.0,
            retry_ms: 30_000.0,
            preload_max: 0,
            preload_free_min_mb: 300,
        }
    }
}

/// A recipe, as typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecipeToml {
    pub(crate) number: u32,
    /// Left out, it is called as its product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) model: String,
    #[serde(default = "newest")]
    pub(crate) version: String,
}

fn newest() -> String {
    NEWEST.to_owned()
}

/// Which version of a product's model is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RecipeVersion {
    /// The highest one that is installed and proven when the recipe is selected.
    Newest,
    /// This one alone.
    Exactly(Version),
}

impl RecipeVersion {
    /// The only one that is meant, if it is one.
    pub(crate) fn exactly(&self) -> Option<&Version> {
        match self {
            Self::Newest => None,
            Self::Exactly(version) => Some(version),
        }
    }
}

impl std::fmt::Display for RecipeVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Newest => f.pad(NEWEST),
            Self::Exactly(version) => f.pad(version.as_str()),
        }
    }
}

/// One recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) number: u32,
    pub(crate) name: String,
    /// Name of the product.
    pub(crate) model: String,
    pub(crate) version: RecipeVersion,
}

impl std::fmt::Display for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.number, self.name)
    }
}

/// The recipes of a station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecipesSpec {
    /// Sorted by number.
    pub(crate) list: Vec<Recipe>,
    /// Whether the machine's lines choose.
    pub(crate) by_lines: bool,
    /// So many bytes stay free beside what processes in reserve take.
    pub(crate) free_min_bytes: u64,
}

impl RecipesSpec {
    /// The recipe of a number.
    pub(crate) fn by_number(&self, number: u32) -> Option<&Recipe> {
        self.list.iter().find(|recipe| recipe.number == number)
    }

    /// What somebody means who types a number or a name.
    pub(crate) fn find(&self, typed: &str) -> Option<&Recipe> {
        match typed.parse() {
            Ok(number) => self.by_number(number),
            Err(_) => self.list.iter().find(|recipe| recipe.name == typed),
        }
    }
}

/// How many wires tell the number; what is wrong with them is said where wires are looked at.
fn lines_of(line: &LineToml) -> u8 {
    let wires = Input::RECIPE.into_iter();
    wires.filter_map(|input| wire_of_input(line, input)).count() as u8
}

impl Checker {
    /// What the state machines go by; none without recipes.
    pub(super) fn recipe_rules(
        &mut self,
        typed: &StationToml,
        proof_max_us: u64,
    ) -> Option<RecipeSpec> {
        let recipes = &typed.recipes;
        let settle_us = self.us("recipes.settle_ms", recipes.settle_ms);
        let retry_us = self.us("recipes.retry_ms", recipes.retry_ms);
        let most = recipes.preload_max;
        self.require(
            most <= RESERVE_MAX,
            "recipes.preload_max",
            most,
            format!("from 0 to {RESERVE_MAX}"),
        );
        let count = lines_of(&typed.line);
        let lines = RecipeLinesSpec {
            count,
            has_strobe: typed.line.recipe_strobe.is_some(),
            settle_us,
        };
        (!recipes.list.is_empty()).then_some(RecipeSpec {
            lines: (count > 0).then_some(lines),
            retry_us,
            reserve: ReserveSpec {
                most,
                proof_max_us,
                again_us: RESERVE_AGAIN_US,
            },
        })
    }

    /// The table, with everything that is wrong with it.
    pub(super) fn recipes(&mut self, typed: &StationToml) -> Option<RecipesSpec> {
        let recipes = &typed.recipes;
        let free_mb = recipes.preload_free_min_mb;
        self.require(
            free_mb <= FREE_MB_MAX,
            "recipes.preload_free_min_mb",
            free_mb,
            format!("from 0 to {FREE_MB_MAX}"),
        );
        if recipes.list.is_empty() {
            return None;
        }
        self.require(
            recipes.list.len() <= RECIPES_MAX,
            "recipes.list",
            format!("{} recipes", recipes.list.len()),
            format!("at most {RECIPES_MAX} recipes"),
        );
        self.require(
            typed.bundle.active,
            "bundle.active",
            typed.bundle.active,
            "true with recipes, which choose among installed models",
        );
        let count = lines_of(&typed.line);
        let number_max = match count {
            0 => NUMBER_MAX,
            count => (1 << count) - 1,
        };
        let (mut numbers, mut names) = (BTreeSet::new(), BTreeSet::new());
        let mut list: Vec<Recipe> = Vec::with_capacity(recipes.list.len());
        for recipe in &recipes.list {
            let known = self.recipe(recipe, number_max, count > 0);
            let (number, name) = (recipe.number, &known.name);
            let is_new = numbers.insert(number) && names.insert(name.clone());
            let found = format!("{number} ({name})");
            let expected = "another number and another name than the recipes before it";
            self.require(is_new, "recipes.list: a recipe", found, expected);
            list.push(known);
        }
        list.sort_by_key(|recipe| recipe.number);
        Some(RecipesSpec {
            list,
            by_lines: count > 0,
            free_min_bytes: free_mb.saturating_mul(1_000_000),
        })
    }

    fn recipe(&mut self, typed: &RecipeToml, number_max: u32, by_lines: bool) -> Recipe {
        let holds = (1..=number_max).contains(&typed.number);
        let why = if by_lines {
            format!(
                "from 1 to {number_max}, which the recipe lines can tell; 0 is what a cable says that is cut"
            )
        } else {
            format!("from 1 to {number_max}")
        };
        self.require(holds, "recipes.list: number", typed.number, why);
        let name = typed.name.clone().unwrap_or_else(|| typed.model.clone());
        // What is a number would be taken for one.
        let is_name = (1..=NAME_CHARS_MAX).contains(&name.chars().count())
            && !name.chars().any(char::is_control)
            && name.parse::<u64>().is_err();
        let expected = format!("1 to {NAME_CHARS_MAX} letters that are no number");
        self.require(is_name, "recipes.list: name", format!("{name:?}"), expected);
        let expected = format!(
            "the name of a product, {}; the version has a key of its own",
            Manifest::NAME_RULE
        );
        let found = format!("{:?}", typed.model);
        let is_product = Manifest::is_name(&typed.model);
        self.require(is_product, "recipes.list: model", found, expected);
        let version = match typed.version.as_str() {
            NEWEST => Some(RecipeVersion::Newest),
            exactly => exactly.parse().ok().map(RecipeVersion::Exactly),
        };
        self.require(
            version.is_some(),
            "recipes.list: version",
            format!("{:?}", typed.version),
            "\"newest\" or a version like 1.4.0",
        );
        Recipe {
            number: typed.number,
            name,
            model: typed.model.clone(),
            version: version.unwrap_or(RecipeVersion::Newest),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{ConfigError, Station, parse};
    use super::*;

    const LEAST: &str = "[bundle]\nactive = true\n[camera]\nkind = \"replay\"\nfolder = \"cap\"\n";
    const TWO: &str = "[recipes]\nlist = [{ number = 2, model = \"cap\" },\n\
                       { number = 1, name = \"blue\", model = \"cap\", version = \"1.4.0\" }]\n";

    fn station(rest: &str) -> Result<Station, ConfigError> {
        let path = Path::new("/etc/twinspect/left.toml");
        Ok(parse(path, &format!("{LEAST}{rest}"))?.station)
    }

    fn refused(rest: &str) -> String {
        station(rest).unwrap_err().to_string()
    }

    fn wires(names: &[&str]) -> String {
        let mut text =
            "[line]\nkind = \"gpio\"\nsensor = { name = \"IN\" }\npass = { name = \"OUT\" }\n"
                .to_owned();
        for name in names {
            text.push_str(&format!("{name} = {{ name = \"{name}\" }}\n"));
        }
        text
    }

    #[test]
    fn recipes_are_found_by_number_and_by_name() {
        let station = station(TWO).unwrap();
        let recipes = station.recipes.unwrap();
        assert!(!recipes.by_lines);
        let numbers: Vec<u32> = recipes.list.iter().map(|recipe| recipe.number).collect();
        assert_eq!(numbers, [1, 2]);
        assert_eq!(recipes.find("cap"), recipes.by_number(2));
        assert_eq!(recipes.find("1"), recipes.find("blue"));
        assert_eq!((recipes.find("3"), recipes.find("red")), (None, None));
        let version = RecipeVersion::Exactly("1.4.0".parse().unwrap());
        assert_eq!(recipes.by_number(1).unwrap().version, version);
        assert_eq!(recipes.by_number(2).unwrap().version, RecipeVersion::Newest);
        let rules = station.decisions.recipes.unwrap();
        assert!(rules.lines.is_none() && rules.retry_us == 30_000_000);
    }

    #[test]
    fn without_recipes_there_are_no_rules() {
        let station = station("").unwrap();
        assert!(station.recipes.is_none() && station.decisions.recipes.is_none());
    }

    #[test]
    fn the_wires_of_the_number_say_how_far_it_goes() {
        let text = format!("{}{TWO}", wires(&["recipe_0", "recipe_1", "recipe_strobe"]));
        let station = station(&text).unwrap();
        let lines = station.decisions.recipes.unwrap().lines.unwrap();
        assert!(lines.count == 2 && lines.has_strobe && lines.settle_us == 20_000);
        assert!(station.recipes.unwrap().by_lines);
        let many = TWO.replace("number = 2", "number = 4");
        let told = refused(&format!("{}{many}", wires(&["recipe_0", "recipe_1"])));
        assert!(
            told.contains("recipes.list: number = 4 must be from 1 to 3"),
            "{told}"
        );
    }

    #[test]
    fn wires_without_a_meaning_are_refused() {
        let gap = refused(&format!("{}{TWO}", wires(&["recipe_0", "recipe_2"])));
        assert!(gap.contains("line.recipe_2 is not used with"), "{gap}");
        let strobe = refused(&format!("{}{TWO}", wires(&["recipe_strobe"])));
        assert!(strobe.contains("line.recipe_strobe"), "{strobe}");
        let none = refused(&wires(&["recipe_0"]));
        assert!(none.contains("recipes.list = []"), "{none}");
        let simulated = refused(&format!("[line]\nrecipe_0 = {{ name = \"A\" }}\n{TWO}"));
        assert!(
            simulated.contains("line.recipe_0 is not used"),
            "{simulated}"
        );
    }

    #[test]
    fn everything_that_is_wrong_with_a_recipe_is_said_with_its_key() {
        let told = refused(
            "[recipes]\nsettle_ms = 0\npreload_max = 16\nlist = [\
             { number = 0, model = \"Cap\", version = \"new\" },\
             { number = 3, name = \"12\", model = \"cap\" },\
             { number = 3, name = \"other\", model = \"cap\" }]\n",
        );
        for part in [
            "recipes.settle_ms = 0",
            "recipes.preload_max = 16",
            "recipes.list: number = 0",
            "recipes.list: model = \"Cap\"",
            "recipes.list: version = \"new\"",
            "recipes.list: name = \"12\"",
            "recipes.list: a recipe = 3 (other)",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let by_file = LEAST.replace("active = true", "file = \"cap.twb\"");
        let text = format!("{by_file}{TWO}");
        let told = parse(Path::new("left.toml"), &text)
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("bundle.active = false must be true"),
            "{told}"
        );
        let unknown = refused("[recipes]\nlist = [{ number = 1, model = \"cap\", modle = 1 }]\n");
        assert!(unknown.contains("modle"), "{unknown}");
    }
}
