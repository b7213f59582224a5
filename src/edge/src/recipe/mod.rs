//! `twinspect recipe`: which products a station knows, and which one comes.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_store::models::{ModelId, Models};

use crate::cli::{ListRecipesArgs, RecipeArgs, RecipeCommand, SelectRecipeArgs, StoreArgs};
use crate::config::{self, Recipe};
use crate::control::{self, RecipesStatus, Reply, Request};
use crate::error::{EdgeError, WithCauses};
use crate::model::StorePlace;
use crate::replay::write_json;

/// Runs the command that was typed.
pub(crate) fn recipe(args: &RecipeArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    match &args.command {
        RecipeCommand::List(args) => list(args, out),
        RecipeCommand::Select(args) => select(args, out),
    }
}

/// What was found. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    config: PathBuf,
    recipes: Vec<Row>,
    /// Of a station that runs.
    running: Option<RecipesStatus>,
}

#[derive(Serialize)]
struct Row {
    number: u32,
    name: String,
    /// Name of the product.
    model: String,
    /// `newest`, or a version.
    version: String,
    /// The installed model that a selection would take.
    id: Option<ModelId>,
    /// Why there is none.
    why: Option<String>,
}

/// The installed model of a recipe, as it is now.
pub(crate) fn model_of(models: &Models, recipe: &Recipe) -> Result<ModelId, EdgeError> {
    let found = models.of_product(&recipe.model, recipe.version.exactly())?;
    Ok(found.id)
}

fn list(args: &ListRecipesArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = StorePlace::of(&StoreArgs {
        config: args.config.clone(),
        models: None,
        json: args.json,
    })?;
    let station = place.station()?;
    let spec = config::load(&station.config)?.station.recipes;
    let recipes = spec.iter().flat_map(|spec| &spec.list);
    let rows = recipes.map(|recipe| {
        let (id, why) = match model_of(&place.models, recipe) {
            Ok(id) => (Some(id), None),
            Err(error) => (None, Some(WithCauses(&error).to_string())),
        };
        Row {
            number: recipe.number,
            name: recipe.name.clone(),
            model: recipe.model.clone(),
            version: recipe.version.to_string(),
            id,
            why,
        }
    });
    let running = match control::request_at(&station.socket, Request::Status) {
        Ok(Reply::Status(status)) => status.recipes,
        // It does not run, or does not answer: the file and the store have said the rest.
        _ => None,
    };
    let findings = Findings {
        config: station.config.clone(),
        recipes: rows.collect(),
        running,
    };
    if args.json {
        return write_json(out, &findings);
    }
    if findings.recipes.is_empty() {
        writeln!(
            out,
            "{} has no recipes: recipes.list",
            findings.config.display()
        )?;
        return Ok(());
    }
    let selected = findings.running.as_ref().and_then(|running| running.number);
    for row in &findings.recipes {
        let mark = if Some(row.number) == selected {
            '*'
        } else {
            ' '
        };
        let model = match (&row.id, &row.why) {
            (Some(id), _) => id.to_string(),
            (None, Some(why)) => format!("no model: {why}"),
            (None, None) => String::new(),
        };
        writeln!(
            out,
            "{mark}{:>5}  {:<20}  {:<8}  {model}",
            row.number, row.name, row.version
        )?;
    }
    match &findings.running {
        Some(RecipesStatus { why: Some(why), .. }) => {
            writeln!(out, "the running station rejects all parts: {why}")?;
        }
        Some(RecipesStatus { number: None, .. }) => {
            writeln!(
                out,
                "the running station has none selected, and goes by its active model"
            )?;
        }
        Some(_) | None => {}
    }
    Ok(())
}

fn select(args: &SelectRecipeArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let request = Request::SelectRecipe {
        recipe: args.recipe.clone(),
    };
    match control::request(&args.station, request)? {
        Reply::RecipeSelected(switch) if args.station.json => write_json(out, &switch),
        Reply::RecipeSelected(switch) => {
            writeln!(
                out,
                "recipe {} ({}) is live: {switch}",
                switch.number, switch.name
            )?;
            Ok(())
        }
        Reply::RecipeFailed {
            reason, rejects, ..
        } => Err(EdgeError::RecipeFailed { reason, rejects }),
        other => Err(EdgeError::Usage {
            message: format!("the station answered {other:?}"),
            hint: "is it another release? Restart the station after an update",
        }),
    }
}
