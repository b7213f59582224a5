//! Operators that treat every element alike.

use crate::error::GraphError;
use crate::graph::{Graph, Tensor};

impl Graph {
    /// Adds a Relu.
    ///
    /// # Errors
    /// The operand belongs to another graph.
    pub fn relu(&mut self, name: &str, x: Tensor) -> Result<Tensor, GraphError> {
        self.unary(name, "Relu", x)
    }

    /// Adds a Sigmoid.
    ///
    /// # Errors
    /// The operand belongs to another graph.
    pub fn sigmoid(&mut self, name: &str, x: Tensor) -> Result<Tensor, GraphError> {
        self.unary(name, "Sigmoid", x)
    }

    /// Adds a Sqrt; the square root of a negative number is NaN.
    ///
    /// # Errors
    /// The operand belongs to another graph.
    pub fn sqrt(&mut self, name: &str, x: Tensor) -> Result<Tensor, GraphError> {
        self.unary(name, "Sqrt", x)
    }

    /// Adds an Exp.
    ///
    /// # Errors
    /// The operand belongs to another graph.
    pub fn exp(&mut self, name: &str, x: Tensor) -> Result<Tensor, GraphError> {
        self.unary(name, "Exp", x)
    }

    /// Adds an Abs.
    ///
    /// # Errors
    /// The operand belongs to another graph.
    pub fn abs(&mut self, name: &str, x: Tensor) -> Result<Tensor, GraphError> {
        self.unary(name, "Abs", x)
    }

    /// Adds a Neg.
    ///
    /// # Errors
    /// The operand belongs to another graph.
    pub fn neg(&mut self, name: &str, x: Tensor) -> Result<Tensor, GraphError> {
        self.unary(name, "Neg", x)
    }

    /// Adds a Clip to `low..=high`; ReLU6 is a Clip to 0 and 6.
    ///
    /// # Errors
    /// A bound is not finite, or the operand belongs to another graph.
    pub fn clip(
        &mut self,
        name: &str,
        x: Tensor,
        low: f32,
        high: f32,
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let shape = self.check(&name, x)?;
        let low_name = self.part_name(&name, "low");
        let low = self.constant_named(low_name, &[], &[low])?;
        let high_name = self.part_name(&name, "high");
        let high = self.constant_named(high_name, &[], &[high])?;
        Ok(self.append(name, "Clip", &[x, low, high], Vec::new(), shape))
    }

    /// Adds an Add; shapes are broadcast.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn add(&mut self, name: &str, a: Tensor, b: Tensor) -> Result<Tensor, GraphError> {
        self.binary(name, "Add", a, b)
    }

    /// Adds a Sub, `a - b`; shapes are broadcast.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn sub(&mut self, name: &str, a: Tensor, b: Tensor) -> Result<Tensor, GraphError> {
        self.binary(name, "Sub", a, b)
    }

    /// Adds a Mul; shapes are broadcast.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn mul(&mut self, name: &str, a: Tensor, b: Tensor) -> Result<Tensor, GraphError> {
        self.binary(name, "Mul", a, b)
    }

    /// Adds a Div, `a / b`; shapes are broadcast.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn div(&mut self, name: &str, a: Tensor, b: Tensor) -> Result<Tensor, GraphError> {
        self.binary(name, "Div", a, b)
    }

    /// Adds a Max; shapes are broadcast.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn max(&mut self, name: &str, a: Tensor, b: Tensor) -> Result<Tensor, GraphError> {
        self.binary(name, "Max", a, b)
    }

    /// Adds a Min; shapes are broadcast.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn min(&mut self, name: &str, a: Tensor, b: Tensor) -> Result<Tensor, GraphError> {
        self.binary(name, "Min", a, b)
    }

    /// Adds a Mul by a number.
    ///
    /// # Errors
    /// The number is not finite, or the operand belongs to another graph.
    pub fn scale(&mut self, name: &str, x: Tensor, factor: f32) -> Result<Tensor, GraphError> {
        self.with_scalar(name, "Mul", x, "factor", factor)
    }

    /// Adds an Add of a number.
    ///
    /// # Errors
    /// The number is not finite, or the operand belongs to another graph.
    pub fn offset(&mut self, name: &str, x: Tensor, summand: f32) -> Result<Tensor, GraphError> {
        self.with_scalar(name, "Add", x, "summand", summand)
    }

    fn unary(&mut self, name: &str, op: &'static str, x: Tensor) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let shape = self.check(&name, x)?;
        Ok(self.append(name, op, &[x], Vec::new(), shape))
    }

    fn binary(
        &mut self,
        name: &str,
        op: &'static str,
        a: Tensor,
        b: Tensor,
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let (left, right) = (self.check(&name, a)?, self.check(&name, b)?);
        let Some(shape) = left.broadcast(&right) else {
            return Err(GraphError::Mismatch {
                node: name,
                left,
                right,
            });
        };
        Ok(self.append(name, op, &[a, b], Vec::new(), shape))
    }

    fn with_scalar(
        &mut self,
        name: &str,
        op: &'static str,
        x: Tensor,
        part: &str,
        value: f32,
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let shape = self.check(&name, x)?;
        let constant_name = self.part_name(&name, part);
        let constant = self.constant_named(constant_name, &[], &[value])?;
        Ok(self.append(name, op, &[x, constant], Vec::new(), shape))
    }
}
