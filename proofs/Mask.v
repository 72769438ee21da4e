(** * Masks, their weights and expectations over them

    Everything here is finite: a law is a function that gives each outcome its
    weight, an expectation is a sum.  A mask is a finite function from units to
    booleans, [true] where the unit is kept.  The field [F] is arbitrary, so the
    statements hold for rational and for real numbers alike. *)

From mathcomp Require Import all_ssreflect all_algebra ring.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

(** ** Expectation and covariance over any finite law *)

Section Expectation.

Variables (F : fieldType) (A : finType).
Implicit Types (P f g : A -> F) (c : F).

Definition expect P f := \sum_a P a * f a.
Definition total P := \sum_a P a.
Definition cov P f g := expect P (fun a => (f a - expect P f) * (g a - expect P g)).
Definition var P f := cov P f f.

Lemma eq_expect P f g : f =1 g -> expect P f = expect P g.
Proof. by move=> fg; apply: eq_bigr => a _; rewrite fg. Qed.

Lemma expectD P f g : expect P (fun a => f a + g a) = expect P f + expect P g.
Proof. by rewrite -big_split; apply: eq_bigr => a _; rewrite mulrDr. Qed.

Lemma expectZ P c f : expect P (fun a => c * f a) = c * expect P f.
Proof. by rewrite mulr_sumr; apply: eq_bigr => a _; rewrite mulrCA. Qed.

Lemma expectN P f : expect P (fun a => - f a) = - expect P f.
Proof. by rewrite -sumrN; apply: eq_bigr => a _; rewrite mulrN. Qed.

Lemma expectB P f g : expect P (fun a => f a - g a) = expect P f - expect P g.
Proof. by rewrite expectD expectN. Qed.

Lemma expect_sum (J : finType) P (f : J -> A -> F) :
  expect P (fun a => \sum_j f j a) = \sum_j expect P (f j).
Proof. by rewrite exchange_big; apply: eq_bigr => a _; rewrite mulr_sumr. Qed.

Lemma expect_const P c : total P = 1 -> expect P (fun=> c) = c.
Proof. by move=> P1; rewrite /expect -mulr_suml [\sum_a _]P1 mul1r. Qed.

Lemma covE P f g : total P = 1 ->
  cov P f g = expect P (fun a => f a * g a) - expect P f * expect P g.
Proof.
move=> P1; set x := expect P f; set y := expect P g.
transitivity (expect P (fun a => f a * g a - x * g a - y * f a + x * y)).
  by apply: eq_expect => a; rewrite -/x -/y; ring.
by rewrite expectD !expectB !expectZ expect_const // -/x -/y; ring.
Qed.

Lemma varE P f : total P = 1 -> var P f = expect P (fun a => f a ^+ 2) - expect P f ^+ 2.
Proof. exact: covE. Qed.

Lemma eq_cov P f f' g g' : f =1 f' -> g =1 g' -> cov P f g = cov P f' g'.
Proof.
move=> ff' gg'; apply: eq_expect => a.
by rewrite ff' gg' (eq_expect P ff') (eq_expect P gg').
Qed.

Lemma cov_sum (J K : finType) P (f : J -> A -> F) (g : K -> A -> F) :
  cov P (fun a => \sum_j f j a) (fun a => \sum_k g k a) =
  \sum_j \sum_k cov P (f j) (g k).
Proof.
pose d (h : A -> F) a := h a - expect P h.
rewrite {1}/cov !expect_sum; transitivity (expect P (fun a => \sum_j \sum_k d (f j) a * d (g k) a)).
  by apply: eq_expect => a; rewrite -!sumrB big_distrlr.
rewrite (expect_sum P (fun j a => \sum_k d (f j) a * d (g k) a)).
by apply: eq_bigr => j _; rewrite (expect_sum P (fun k a => d (f j) a * d (g k) a)).
Qed.

Lemma covZ P b c f g : cov P (fun a => b * f a) (fun a => c * g a) = b * c * cov P f g.
Proof.
by rewrite /cov !expectZ -(expectZ P (b * c)); apply: eq_expect => a; ring.
Qed.

Lemma cov_shift P b c f g : total P = 1 ->
  cov P (fun a => b + f a) (fun a => c + g a) = cov P f g.
Proof.
move=> P1; apply: eq_expect => a; rewrite !expectD !expect_const //; ring.
Qed.

End Expectation.

(** ** Independent draws: a law on finite functions is a product of laws *)

Section Product.

Variables (F : fieldType) (I A : finType) (P : I -> A -> F).
Implicit Types (f g : A -> F) (i j : I).

Definition product (w : {ffun I -> A}) := \prod_i P i (w i).

Lemma expect_prod (f : I -> A -> F) :
  expect product (fun w => \prod_i f i (w i)) = \prod_i expect (P i) (f i).
Proof.
by rewrite bigA_distr_bigA; apply: eq_bigr => w _; rewrite -big_split.
Qed.

Hypothesis P1 : forall i, total (P i) = 1.

Lemma total_product : total product = 1.
Proof.
rewrite /total /product -(bigA_distr_bigA (fun i => P i)).
by rewrite big1 // => i _; apply: P1.
Qed.

Lemma expect_prod_in (D : pred I) (f : I -> A -> F) :
  expect product (fun w => \prod_(i | D i) f i (w i)) =
  \prod_(i | D i) expect (P i) (f i).
Proof.
transitivity (expect product (fun w => \prod_i if D i then f i (w i) else 1)).
  by apply: eq_expect => w; rewrite big_mkcond.
rewrite (expect_prod (fun i a => if D i then f i a else 1)) [RHS]big_mkcond.
by apply: eq_bigr => i _; case: (D i) => //; rewrite expect_const.
Qed.

Lemma expect_one i f : expect product (fun w => f (w i)) = expect (P i) f.
Proof.
by have := expect_prod_in (pred1 i) (fun=> f); rewrite big_pred1_eq => <-;
  apply: eq_expect => w; rewrite big_pred1_eq.
Qed.

Lemma expect_two i j f g : i != j ->
  expect product (fun w => f (w i) * g (w j)) = expect (P i) f * expect (P j) g.
Proof.
move=> ij; pose h k := if k == i then f else g.
have split2 (R : I -> F) : \prod_(k | pred2 i j k) R k = R i * R j.
  rewrite (bigD1 i) /= ?eqxx //; congr (_ * _); rewrite (big_pred1 j) // => k /=.
  by case: (k =P j) => [->|_]; rewrite ?orbT ?orbF ?andbN //= eq_sym ij.
have := expect_prod_in (pred2 i j) h; rewrite split2 /h eqxx eq_sym (negPf ij) => <-.
by apply: eq_expect => w; rewrite split2 eqxx eq_sym (negPf ij).
Qed.

Lemma cov_one i f g :
  cov product (fun w => f (w i)) (fun w => g (w i)) = cov (P i) f g.
Proof.
rewrite /cov !expect_one.
exact: (expect_one i (fun a => (f a - expect (P i) f) * (g a - expect (P i) g))).
Qed.

Lemma cov_two i j f g : i != j ->
  cov product (fun w => f (w i)) (fun w => g (w j)) = 0.
Proof.
by move=> ij; rewrite covE ?total_product // expect_two // !expect_one subrr.
Qed.

Lemma cov_diag (f g : I -> A -> F) :
  cov product (fun w => \sum_i f i (w i)) (fun w => \sum_i g i (w i)) =
  \sum_i cov (P i) (f i) (g i).
Proof.
rewrite (cov_sum product (fun i w => f i (w i)) (fun i w => g i (w i))).
apply: eq_bigr => i _; rewrite (bigD1 i) //= cov_one big1 ?addr0 // => j ij.
by rewrite cov_two // eq_sym.
Qed.

End Product.

(** ** A law and another one, independent of it *)

Section Pair.

Variables (F : fieldType) (A B : finType) (P : A -> F) (Q : B -> F).

Definition pair (ab : A * B) := P ab.1 * Q ab.2.

Lemma expect_pair (f : A * B -> F) :
  expect pair f = expect P (fun a => expect Q (fun b => f (a, b))).
Proof.
transitivity (\sum_a \sum_b pair (a, b) * f (a, b)).
  by rewrite pair_bigA; apply: eq_bigr => -[].
by apply: eq_bigr => a _; rewrite mulr_sumr; apply: eq_bigr => b _; rewrite mulrA.
Qed.

Lemma total_pair : total P = 1 -> total Q = 1 -> total pair = 1.
Proof.
move=> P1 Q1; transitivity (expect pair (fun=> 1)).
  by apply: eq_bigr => a _; rewrite mulr1.
by rewrite expect_pair !expect_const.
Qed.

End Pair.

(** ** Masks: each unit is dropped with probability [p], alone *)

Section Mask.

Variables (F : fieldType) (I : finType) (p : F).
Local Notation q := (1 - p).

Definition mask := {ffun I -> bool}.
Definition coin (b : bool) : F := if b then q else p.
Definition bernoulli : mask -> F := product (fun _ : I => coin).
(** The factor of inverted dropout, [m_i / q], and the masked activations. *)
Definition factor (b : bool) : F := b%:R / q.
Definition dropout (x : I -> F) (m : mask) i : F := x i * factor (m i).
Definition kept (m : mask) := #|[pred i | m i]|.

Lemma expect_coin (f : bool -> F) : expect coin f = q * f true + p * f false.
Proof. by rewrite /expect big_bool. Qed.

Lemma total_coin : total coin = 1.
Proof. by rewrite /total big_bool /= subrK. Qed.

Lemma total_bernoulli : total bernoulli = 1.
Proof. by apply: total_product => i; apply: total_coin. Qed.

Lemma expect_bernoulli i (f : bool -> F) :
  expect bernoulli (fun m => f (m i)) = q * f true + p * f false.
Proof. by rewrite expect_one ?expect_coin // => j; apply: total_coin. Qed.

Lemma expect_bernoulli2 i j (f g : bool -> F) : i != j ->
  expect bernoulli (fun m => f (m i) * g (m j)) =
  (q * f true + p * f false) * (q * g true + p * g false).
Proof.
by move=> ij; rewrite expect_two ?expect_coin // => k; apply: total_coin.
Qed.

(** All of the chapters' variances rest on this covariance of two sums. *)
Lemma cov_bernoulli (f g : I -> bool -> F) :
  cov bernoulli (fun m => \sum_i f i (m i)) (fun m => \sum_i g i (m i)) =
  p * q * \sum_i (f i true - f i false) * (g i true - g i false).
Proof.
rewrite /bernoulli cov_diag => [|i]; last exact: total_coin.
rewrite mulr_sumr; apply: eq_bigr => i _.
by rewrite covE ?total_coin // !expect_coin; ring.
Qed.

Hypothesis q0 : q != 0.

Lemma expect_factor i : expect bernoulli (fun m => factor (m i)) = 1.
Proof. by rewrite expect_bernoulli /factor /=; field. Qed.

Lemma expect_dropout x i : expect bernoulli (fun m => dropout x m i) = x i.
Proof. by rewrite expectZ expect_factor mulr1. Qed.

Lemma expect_sum_dropout (x : I -> F) :
  expect bernoulli (fun m => \sum_i dropout x m i) = \sum_i x i.
Proof.
rewrite (expect_sum bernoulli (fun i m => dropout x m i)).
by apply: eq_bigr => i _; rewrite expect_dropout.
Qed.

Lemma cov_sum_dropout (x y : I -> F) :
  cov bernoulli (fun m => \sum_i dropout x m i) (fun m => \sum_i dropout y m i) =
  p / q * \sum_i x i * y i.
Proof.
rewrite (cov_bernoulli (fun i b => x i * factor b) (fun i b => y i * factor b)).
rewrite !mulr_sumr; apply: eq_bigr => i _; rewrite /factor /=.
by move: (x i) (y i) => a b; field.
Qed.

End Mask.

(** ** Masks of [n.+1] units: the first unit, then the others *)

Section Recursion.

Variables (F : fieldType) (A : finType).

Definition fcons n a (w : {ffun 'I_n -> A}) : {ffun 'I_n.+1 -> A} :=
  [ffun i => if unlift ord0 i is Some j then w j else a].

Lemma fcons0 n a (w : {ffun 'I_n -> A}) : fcons a w ord0 = a.
Proof. by rewrite ffunE unlift_none. Qed.

Lemma fconsS n a (w : {ffun 'I_n -> A}) i : fcons a w (lift ord0 i) = w i.
Proof. by rewrite ffunE liftK. Qed.

Lemma expect_recl n (P : 'I_n.+1 -> A -> F) (f : {ffun 'I_n.+1 -> A} -> F) :
  expect (product P) f =
  expect (P ord0) (fun a => expect (product (fun i => P (lift ord0 i)))
                                   (fun w => f (fcons a w))).
Proof.
pose h (aw : A * {ffun 'I_n -> A}) := fcons aw.1 aw.2.
pose k (w : {ffun 'I_n.+1 -> A}) := (w ord0, [ffun i => w (lift ord0 i)]).
have hK : cancel h k.
  by case=> a w; rewrite /k /h fcons0; congr (_, _); apply/ffunP=> i; rewrite ffunE fconsS.
have kK : cancel k h.
  move=> w; apply/ffunP=> i; rewrite /h /k /=.
  by case: (unliftP ord0 i) => [j|] ->; rewrite (fcons0, fconsS) ?ffunE.
rewrite -(expect_pair (P ord0) _ (fun aw => f (h aw))) /expect.
rewrite (reindex h) /=; last by exists k => ? _.
by apply: eq_bigr => -[a w] _; rewrite /product big_ord_recl fcons0;
  under eq_bigr do rewrite fconsS.
Qed.

Lemma expect_ord0 (P : 'I_0 -> A -> F) (f : {ffun 'I_0 -> A} -> F) w :
  expect (product P) f = f w.
Proof.
have only v : v = w by apply/ffunP; case.
by rewrite /expect (big_pred1 w) => [|v]; rewrite ?(only v) ?/product ?big_ord0 ?mul1r //= eqxx.
Qed.

End Recursion.
