(** * Evaluating both sides of a theorem at rational points *)

From mathcomp Require Import all_ssreflect all_algebra ring.
From Dropout Require Import Mask Formulation Ensemble Bayesian Noise Gradients Variants Systems.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Local Open Scope ring_scope.

(** Numbers for the units of a layer, and for its weights. *)
Definition vec (s : seq rat) n (i : 'I_n) : rat := nth 0 s i.
Definition mat (s : seq (seq rat)) n k (i : 'I_n) (j : 'I_k) : rat := nth 0 (nth [::] s i) j.

(** Sum over all masks, one unit after the other, until only numbers are left. *)
Ltac unroll :=
  rewrite /= ?/var;
  try (rewrite covE; last by [exact: total_bernoulli | exact: total_coin |
    apply: total_pair; exact: total_coin | apply: total_product => ?; exact: total_coin]);
  rewrite ?/columns ?/inputs ?/average ?/bernoulli ?expect_pair;
  repeat (rewrite expect_recl /= ?expect_coin /=);
  rewrite ?expect_coin /= ?(expect_ord0 _ _ [ffun=> true]) ?/dropout ?/factor;
  rewrite ?big_ord_recl ?big_ord0 ?big_bool ?fconsS ?fcons0 ?/vec ?/mat /=.

(** [tie t v]: both sides of the equation that [t] proves have the value [v]. *)
Ltac tie t v :=
  let statement := type of t in
  match eval cbv beta zeta in statement with ?l = ?r =>
    assert (l = v) by (unroll; by field); assert (r = v) by (unroll; by field)
  end.
