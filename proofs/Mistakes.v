(** * Mistakes: what averaging passes removes *)

From mathcomp Require Import all_ssreflect all_algebra ring.
From Dropout Require Import Mask Formulation Ensemble.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

(** [thm-average-std] The mean of T passes of a random activation X has the mean of X and
    the variance Var X + (p/q) E X^2 / T. *)
Theorem average_passes (F : fieldType) (A : finType) (P X : A -> F) (T : nat) (p : F) :
  1 - p != 0 -> T%:R != 0 :> F -> total P = 1 ->
  let passes := fun am : A * {ffun 'I_T -> bool} => X am.1 * average (factor p) am.2 in
  let law := pair P (product (fun _ : 'I_T => coin p)) in
  expect law passes = expect P X /\
  var law passes = var P X + p / (1 - p) * expect P (fun a => X a ^+ 2) / T%:R.
Proof.
move=> q0 T0 P1 passes law; have c1 := total_coin p.
have Q1 : total (product (fun _ : 'I_T => coin p)) = 1 by apply: total_product.
have f1 : expect (coin p) (factor p) = 1 by rewrite expect_coin /factor /=; field.
have fv : var (coin p) (factor p) = p / (1 - p).
  by rewrite varE // !expect_coin /factor /=; field.
have a1 : expect (product (fun _ : 'I_T => coin p)) (average (factor p)) = 1.
  by rewrite mean_average.
have a2 : expect (product (fun _ : 'I_T => coin p)) (fun m => average (factor p) m ^+ 2) =
    1 + p / (1 - p) / T%:R.
  have := mse_average c1 (factor p) T0; rewrite fv f1 => <-.
  have := varE (average (factor p)) Q1; rewrite /var /cov a1 expr1n => e.
  have -> : expect (product (fun _ : 'I_T => coin p)) (fun m => (average (factor p) m - 1) ^+ 2) =
    expect (product (fun _ : 'I_T => coin p)) (fun m => average (factor p) m ^+ 2) - 1 := e.
  by rewrite addrCA subrr addr0.
have mean : expect law passes = expect P X.
  by rewrite expect_pair; apply: eq_expect => a; rewrite /passes /= expectZ a1 mulr1.
split=> //; rewrite !varE ?total_pair // mean expect_pair.
transitivity (expect P (fun a => (1 + p / (1 - p) / T%:R) * X a ^+ 2) - expect P X ^+ 2).
  congr (_ - _); apply: eq_expect => a; rewrite -a2 [RHS]mulrC -expectZ.
  by apply: eq_expect => m; rewrite exprMn.
by rewrite expectZ; ring.
Qed.
