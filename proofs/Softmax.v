(** * Softmax and sigmoid: the weighted geometric mean over masks

    The only file that needs exponentials and logarithms, and with them the classical
    axioms of the real numbers. *)

From mathcomp Require Import all_ssreflect all_algebra ring.
From mathcomp Require Import boolp classical_sets reals topology normedtype derive realfun.
From mathcomp Require Import sequences exp.
From Dropout Require Import Mask Formulation Ensemble.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory numFieldNormedType.Exports.
Local Open Scope ring_scope.

Section Geometric.

Variables (R : realType) (A : finType) (P : A -> R).
Hypothesis P1 : total P = 1.

(** The weighted geometric mean, the product of f(a)^P(a). *)
Definition geometric (f : A -> R) := expR (expect P (fun a => ln (f a))).

Definition softmax (K : finType) (z : K -> R) k := expR (z k) / \sum_j expR (z j).

Lemma expR_pos (z : R) : 0 <= expR z.
Proof. exact: ltW (expR_gt0 z). Qed.

Lemma ln_expR (z : R) : ln (expR z) = z.
Proof. by apply: expR_inj; rewrite lnK // posrE expR_gt0. Qed.

Lemma sum_expR_gt0 (K : finType) (z : K -> R) (k : K) : 0 < \sum_j expR (z j).
Proof.
rewrite lt_def sumr_ge0 ?andbT => [|j _]; last exact: expR_pos.
rewrite psumr_eq0 => [|j _]; last exact: expR_pos.
by apply/allPn; exists k; rewrite ?mem_index_enum //= gt_eqF ?expR_gt0.
Qed.

Lemma geometric_softmax (K : finType) (Z : A -> K -> R) k :
  geometric (fun a => softmax (Z a) k) / (\sum_j geometric (fun a => softmax (Z a) j)) =
  softmax (fun k => expect P (fun a => Z a k)) k.
Proof.
pose c := expect P (fun a => ln (\sum_j expR (Z a j))).
have E j : geometric (fun a => softmax (Z a) j) = expR (- c) * expR (expect P (fun a => Z a j)).
  rewrite -expRD addrC -expectB; congr expR; apply: eq_expect => a.
  by rewrite /softmax ln_div ?ln_expR ?posrE ?expR_gt0 ?(sum_expR_gt0 _ k).
under eq_bigr do rewrite E; rewrite E -mulr_sumr invfM mulrACA divff ?mul1r //.
by rewrite gt_eqF ?expR_gt0.
Qed.

Definition sigmoid (s : R) := (1 + expR (- s))^-1.

(** [thm-nwgm-sigmoid] The normalised weighted geometric mean of a sigmoid is the sigmoid
    of the mean. *)
Theorem nwgm_sigmoid (S : A -> R) :
  let G := geometric (fun a => sigmoid (S a)) in
  let G' := geometric (fun a => 1 - sigmoid (S a)) in
  G / (G + G') = sigmoid (expect P S).
Proof.
move=> G G'; have pos s : 0 < 1 + expR (- s) :> R by rewrite addr_gt0 ?expR_gt0 ?ltr01.
have -> : G' = G * expR (- expect P S).
  rewrite -expRD -expectN -expectD; congr expR; apply: eq_expect => a; rewrite /sigmoid.
  have -> : 1 - (1 + expR (- S a))^-1 = (1 + expR (- S a))^-1 * expR (- S a).
    by move: (pos (S a)); move: (expR _) => e /lt0r_neq0 e0; field.
  by rewrite lnM ?posrE ?invr_gt0 ?expR_gt0 // ln_expR.
by rewrite -[X in X + _]mulr1 -mulrDr invfM mulrA divff ?mul1r // gt_eqF ?expR_gt0.
Qed.

End Geometric.

(** [thm-weight-scaling-softmax] The normalised weighted geometric mean of the subnetworks
    of softmax regression is softmax(q W x + b). *)
Theorem weight_scaling_softmax (R : realType) (I K : finType) (p : R)
    (W : K -> I -> R) (b : K -> R) (x : I -> R) k :
  let Z (m : mask I) k := \sum_i W k i * ((m i)%:R * x i) + b k in
  let G k := geometric (bernoulli p) (fun m => softmax (Z m) k) in
  G k / (\sum_j G j) = softmax (fun k => (1 - p) * (\sum_i W k i * x i) + b k) k.
Proof.
move=> Z G; rewrite geometric_softmax /softmax.
have EZ j : expect (bernoulli p) (fun m => Z m j) = (1 - p) * (\sum_i W j i * x i) + b j.
  rewrite expectD expect_const ?total_bernoulli // mulr_sumr; congr (_ + _).
  rewrite (expect_sum _ (fun i (m : mask I) => W j i * ((m i)%:R * x i))); apply: eq_bigr => i _.
  by rewrite expectZ (expect_bernoulli p i (fun b => b%:R * x i)) /=; ring.
by rewrite EZ; congr (_ / _); apply: eq_bigr => j _; rewrite EZ.
Qed.

(** [thm-rdrop] The symmetric divergence of two positive distributions is at least zero. *)
Theorem rdrop_ge0 (R : realType) (K : finType) (u v : K -> R) :
  (forall c, 0 < u c) -> (forall c, 0 < v c) ->
  0 <= \sum_c (u c - v c) * (ln (u c) - ln (v c)).
Proof.
move=> u0 v0; apply: sumr_ge0 => c _; have [le|/ltW le] := lerP (v c) (u c).
  by rewrite mulr_ge0 ?subr_ge0 // ler_ln ?posrE.
by rewrite -mulrNN !opprB mulr_ge0 ?subr_ge0 // ler_ln ?posrE.
Qed.

(** [thm-entropy-decomposition] The entropy of the mean prediction is the mean entropy
    plus the mean divergence from the mean prediction. *)
Theorem entropy_decomposition (R : realType) (A K : finType) (P : A -> R) (f : A -> K -> R) :
  let mean k := expect P (fun a => f a k) in
  let entropy g := - \sum_(k : K) g k * ln (g k) in
  entropy mean = expect P (fun a => entropy (f a))
               + expect P (fun a => \sum_k f a k * (ln (f a k) - ln (mean k))).
Proof.
move=> mean entropy; rewrite -expectD.
transitivity (expect P (fun a => - \sum_k ln (mean k) * f a k)).
  rewrite expectN (expect_sum P (fun k a => ln (mean k) * f a k)); congr (- _).
  by apply: eq_bigr => k _; rewrite expectZ mulrC.
apply: eq_expect => a; rewrite /entropy -sumrN -sumrN -big_split; apply: eq_bigr => k _ /=.
by rewrite mulrBr addKr mulrC.
Qed.

Lemma expR_ge1 (R : realType) (x : R) : 1 + x <= expR x.
Proof.
have [x0|x0] := lerP 0 x; first exact: expR_ge1Dx.
have derive (y : R) : y \in `]x, 0[ -> is_derive y 1 expR (expR y).
  by move=> _; apply: is_derive_expR.
have cont : {within `[x, 0], continuous (expR : R -> R)}%classic.
  by apply: continuous_subspaceT => y; apply: continuous_expR.
have [c] := MVT_segment (ltW x0) derive cont.
rewrite in_itv /= => /andP[_ c0]; rewrite expR0 sub0r => e.
have c1 : expR c <= 1 by rewrite -expR0 ler_expR.
have -> : expR x = 1 - expR c * - x by rewrite -e opprB addrC subrK.
rewrite -subr_ge0; have -> : 1 - expR c * - x - (1 + x) = - x * (1 - expR c) by ring.
by rewrite mulr_ge0 ?subr_ge0 // oppr_ge0 ltW.
Qed.

Lemma divergence_term (R : realType) (u v : R) : 0 < u -> 0 < v ->
  u - v <= u * (ln u - ln v).
Proof.
move=> u0 v0; have := expR_ge1 (ln v - ln u); rewrite expRD expRN !lnK ?posrE // => le.
have u_neq0 := lt0r_neq0 u0; rewrite -subr_ge0.
have -> : u * (ln u - ln v) - (u - v) = u * (v / u - (1 + (ln v - ln u))).
  by move: (ln u) (ln v) => a b; field.
by rewrite mulr_ge0 ?subr_ge0 // ltW.
Qed.

(** [thm-entropy-decomposition] The mean divergence, the epistemic part, is at least zero. *)
Theorem information_ge0 (R : realType) (A K : finType) (P : A -> R) (f : A -> K -> R) :
  let mean k := expect P (fun a => f a k) in
  (forall a, 0 <= P a) -> total P = 1 ->
  (forall a k, 0 < f a k) -> (forall a, \sum_k f a k = 1) -> (forall k, 0 < mean k) ->
  0 <= expect P (fun a => \sum_k f a k * (ln (f a k) - ln (mean k))).
Proof.
move=> mean P0 P1 f0 f1 m0; apply: sumr_ge0 => a _; apply: mulr_ge0 => //.
have m1 : \sum_k mean k = 1.
  rewrite -(expect_sum P (fun k a => f a k)) (eq_expect _ f1); exact: expect_const.
have z : \sum_k (f a k - mean k) = 0 by rewrite sumrB f1 m1 subrr.
rewrite -{1}z; by apply: ler_sum => k _; apply: divergence_term.
Qed.
