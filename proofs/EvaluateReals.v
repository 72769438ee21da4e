(** * Evaluating statements over the reals

    Exponentials and logarithms of rational numbers do not compute.  What computes is an
    expression that is proved to be the side of the statement, sums over masks written out;
    its digits are computed elsewhere. *)

From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import boolp classical_sets reals topology normedtype derive realfun.
From mathcomp Require Import sequences exp.
From Dropout Require Import Mask Formulation Ensemble Softmax Evaluate.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Local Open Scope ring_scope.

Inductive expression := Nat of nat | Add of expression & expression
  | Mul of expression & expression | Opp of expression | Inv of expression
  | Exp of expression | Ln of expression.

Section Reals.

Variables (R : realType).

Fixpoint real (c : expression) : R :=
  match c with
  | Nat n => n%:R
  | Add a b => real a + real b
  | Mul a b => real a * real b
  | Opp a => - real a
  | Inv a => (real a)^-1
  | Exp a => expR (real a)
  | Ln a => ln (real a)
  end.

Definition expressions : numbers (Real.fieldType R).
Proof. by exists expression real Nat Add Mul Opp Inv. Defined.

Definition ev_real c : ev expressions (real c) := @ev_value _ expressions c.

Definition ev_exp (t : R) : ev expressions t -> ev expressions (expR t).
Proof. by move=> [c tE]; exists (Exp c); rewrite tE. Defined.

Definition ev_ln (t : R) : ev expressions t -> ev expressions (ln t).
Proof. by move=> [c tE]; exists (Ln c); rewrite tE. Defined.

(** Numbers of a random point, a list of pairs of numerator and denominator. *)
Definition rvec (s : seq expression) n (i : 'I_n) : R := real (nth (Nat 0) s i).
Definition rmat (s : seq (seq expression)) n k (i : 'I_n) (j : 'I_k) : R :=
  real (nth (Nat 0) (nth [::] s i) j).

End Reals.

Ltac real_rule :=
  cbv beta;
  lazymatch goal with
  | |- ev _ (real _ _) => exact: ev_real
  | |- ev _ (expR _) => apply: ev_exp
  | |- ev _ (ln _) => apply: ev_ln
  | |- _ => rule
  end.

Ltac expression_of R t :=
  let e := constr:(ltac:(repeat real_rule) : ev (expressions R) t) in
  let c := eval lazy in (out e) in idtac c ";".

(** [tell R t]: print both sides of what the theorem [t] states behind its premises. *)
Ltac tell_sides R s :=
  lazymatch s with
  | _ -> ?c => tell_sides R c
  | is_true (?l <= ?r) => tell_sides R (l = r)
  | ?l = ?r => expression_of R l; expression_of R r
  end.

Ltac tell R t :=
  let s := type of t in
  let s := eval cbv beta iota zeta delta [geometric softmax sigmoid rvec rmat] in s in
  let s := unfolded s in
  tell_sides R s.
