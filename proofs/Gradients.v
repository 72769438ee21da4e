(** * Gradients: the backward pass, its mean and its covariance *)

From mathcomp Require Import all_ssreflect all_algebra ring.
From Dropout Require Import Mask Formulation Ensemble.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

(** ** Backward rules

    A gradient without limits: along every line the loss is its value, plus the
    directional derivative, plus a polynomial multiple of the square of the step. *)

Section Backward.

Variables (F : fieldType) (p : F).

Definition gradient (J : finType) (L : {ffun J -> F} -> F) (z : {ffun J -> F}) (g : J -> F) :=
  forall d : {ffun J -> F}, exists r : {poly F}, forall t,
    L [ffun j => z j + t * d j] = L z + t * (\sum_j g j * d j) + t ^+ 2 * r.[t].

Variables (I K : finType) (L : {ffun K -> F} -> F) (delta : K -> F).

(** [thm-backward] The gradient with respect to the input is (W^T delta) * m/q, with the
    mask of the forward pass. *)
Theorem backward_input (W : K -> I -> F) (x : {ffun I -> F}) (m : mask I) :
  let forward x := [ffun k => \sum_j W k j * dropout p x m j] in
  gradient L (forward x) delta ->
  gradient (fun x => L (forward x)) x (fun j => (\sum_k W k j * delta k) * factor p (m j)).
Proof.
move=> forward grad d; have [r E] := grad (forward d); exists r => t.
have -> : \sum_j (\sum_k W k j * delta k) * factor p (m j) * d j = \sum_k delta k * forward d k.
  under [RHS]eq_bigr do rewrite ffunE mulr_sumr.
  rewrite [RHS]exchange_big; apply: eq_bigr => j _; rewrite -mulrA mulr_suml /=.
  by apply: eq_bigr => k _; rewrite /dropout; ring.
rewrite -E; congr L; apply/ffunP=> k; rewrite !ffunE mulr_sumr -big_split /=.
by apply: eq_bigr => j _; rewrite /dropout ffunE; ring.
Qed.

(** [thm-backward] The gradient with respect to the weights is delta x~^T. *)
Theorem backward_weights (W : {ffun K * I -> F}) (x : I -> F) (m : mask I) :
  let forward W := [ffun k => \sum_j (W : {ffun K * I -> F}) (k, j) * dropout p x m j] in
  gradient L (forward W) delta ->
  gradient (fun W => L (forward W)) W (fun kj => delta kj.1 * dropout p x m kj.2).
Proof.
move=> forward grad d; have [r E] := grad (forward d); exists r => t.
have -> : \sum_kj delta kj.1 * dropout p x m kj.2 * d kj = \sum_k delta k * forward d k.
  transitivity (\sum_k \sum_j delta k * dropout p x m j * d (k, j)).
    by rewrite pair_bigA; apply: eq_bigr => -[].
  apply: eq_bigr => k _; rewrite ffunE mulr_sumr; apply: eq_bigr => j _.
  by rewrite -mulrA [_ * d _]mulrC.
rewrite -E; congr L; apply/ffunP=> k; rewrite !ffunE mulr_sumr -big_split /=.
by apply: eq_bigr => j _; rewrite ffunE mulrDl mulrA.
Qed.

(** [thm-variant-backwards] A layer that multiplies each unit by c_j and adds b_j passes
    back g_j c_j: c = m/q, m, q, the noise, m n/|m|, or a m in alpha dropout. *)
Theorem backward_elementwise (c b : K -> F) (x : {ffun K -> F}) :
  let forward x := [ffun j => c j * (x : {ffun K -> F}) j + b j] in
  gradient L (forward x) delta ->
  gradient (fun x => L (forward x)) x (fun j => delta j * c j).
Proof.
move=> forward grad d; have [r E] := grad [ffun j => c j * d j]; exists r => t.
have -> : \sum_j delta j * c j * d j = \sum_j delta j * [ffun j => c j * d j] j.
  by apply: eq_bigr => j _; rewrite ffunE mulrA.
by rewrite -E; congr L; apply/ffunP=> j; rewrite !ffunE; ring.
Qed.

(** [thm-variant-backwards] DropConnect with the mask M passes back M * (delta x^T) / q to
    its weights. *)
Theorem backward_dropconnect (W : {ffun K * I -> F}) (x : I -> F) (M : {ffun K * I -> bool}) :
  let forward W := [ffun k => \sum_j dropout p (W : {ffun K * I -> F}) M (k, j) * x j] in
  gradient L (forward W) delta ->
  gradient (fun W => L (forward W)) W (fun kj => factor p (M kj) * (delta kj.1 * x kj.2)).
Proof.
move=> forward grad d; have [r E] := grad (forward d); exists r => t.
have -> : \sum_kj factor p (M kj) * (delta kj.1 * x kj.2) * d kj = \sum_k delta k * forward d k.
  transitivity (\sum_k \sum_j factor p (M (k, j)) * (delta k * x j) * d (k, j)).
    by rewrite pair_bigA; apply: eq_bigr => -[].
  apply: eq_bigr => k _; rewrite ffunE mulr_sumr; apply: eq_bigr => j _.
  have swap a b c e : a * (b * c) * e = b * (e * a * c) :> F by ring.
  exact: swap.
rewrite -E; congr L; apply/ffunP=> k; rewrite !ffunE mulr_sumr -big_split /=.
by apply: eq_bigr => j _; rewrite /dropout ffunE !mulrDl !mulrA.
Qed.

End Backward.

Section Mean.

Variables (F : fieldType) (I K : finType) (p : F).
Local Notation q := (1 - p).

(** [thm-expected-gradient] The mean derivative is the derivative of the mean loss, here
    for losses that are polynomials in a weight. *)
Theorem expected_derivative (L : mask I -> {poly F}) :
  (\sum_m bernoulli p m *: L m)^`() = \sum_m bernoulli p m *: (L m)^`().
Proof. by rewrite raddf_sum; apply: eq_bigr => m _; rewrite /= derivZ. Qed.

Hypothesis q0 : q != 0.

Lemma expect_factor2 (i j : I) :
  expect (bernoulli p) (fun m => factor p (m i) * factor p (m j)) = 1 + (i == j)%:R * (p / q).
Proof.
case: (eqVneq i j) => [-> | ij].
  by rewrite (expect_bernoulli p j (fun b => factor p b * factor p b)) /factor /=; field.
by rewrite (expect_bernoulli2 p (factor p) (factor p) ij) /factor /=; field.
Qed.

(** [thm-expected-gradient] The mean gradient of the squared loss is that without dropout
    plus (p/q) W_ij x_j^2. *)
Theorem mean_gradient (W : K -> I -> F) (x : I -> F) (y : K -> F) i j :
  expect (bernoulli p) (fun m => (\sum_a W i a * dropout p x m a - y i) * dropout p x m j) =
  (\sum_a W i a * x a - y i) * x j + p / q * (W i j * x j ^+ 2).
Proof.
transitivity (expect (bernoulli p) (fun m : mask I =>
  \sum_a (W i a * x a * x j) * (factor p (m a) * factor p (m j)) - (y i * x j) * factor p (m j))).
  apply: eq_expect => m; rewrite mulrBl mulr_suml /dropout; congr (_ - _); last by ring.
  by apply: eq_bigr => a _; ring.
rewrite expectB expectZ expect_factor // mulr1.
rewrite (expect_sum _ (fun a (m : mask I) => (W i a * x a * x j) * (factor p (m a) * factor p (m j)))).
have E a : expect (bernoulli p) (fun m : mask I =>
    (W i a * x a * x j) * (factor p (m a) * factor p (m j))) =
    W i a * x a * x j + (a == j)%:R * (p / q * (W i a * x a * x j)).
  by rewrite expectZ expect_factor2; ring.
under eq_bigr do rewrite E; rewrite big_split -mulr_suml /=.
have -> : \sum_a (a == j)%:R * (p / q * (W i a * x a * x j)) = p / q * (W i j * x j ^+ 2).
  rewrite (bigD1 j) //= eqxx big1 => [|a /negPf ->]; last by rewrite mul0r.
  by rewrite addr0 mul1r expr2 !mulrA.
by rewrite mulrBl addrAC.
Qed.

Lemma expect_factor3 (j a b : I) : a != j -> b != j ->
  expect (bernoulli p) (fun m =>
    factor p (m j) * ((factor p (m a) - 1) * (factor p (m b) - 1))) = (a == b)%:R * (p / q).
Proof.
move=> aj bj; have E1 : q * (factor p true - 1) + p * (factor p false - 1) = 0.
  by rewrite /factor /=; field.
case: (eqVneq a b) => [<- | ab].
  rewrite eq_sym in aj.
  rewrite (expect_bernoulli2 p (factor p) (fun c => (factor p c - 1) * (factor p c - 1)) aj).
  by rewrite /factor /=; field.
pose f i c := if i == j then factor p c else if i == a then factor p c - 1
  else if i == b then factor p c - 1 else 1.
transitivity (expect (bernoulli p) (fun m => \prod_i f i (m i))).
  apply: eq_expect => m; rewrite (bigD1 j) //= (bigD1 a) //= (bigD1 b) /=; last first.
    by rewrite bj eq_sym.
  rewrite big1 => [|i /andP[/andP[ij ia] ib]]; rewrite /f.
    by rewrite !eqxx (negPf aj) (negPf bj) (eq_sym b) (negPf ab) mulr1.
  by rewrite (negPf ij) (negPf ia) (negPf ib).
rewrite mul0r /bernoulli (expect_prod (fun _ : I => coin p) f) (bigD1 a) //=.
by rewrite expect_coin /f (negPf aj) eqxx E1 mul0r.
Qed.

(** [thm-gradient-variance] Two entries G_ij, G_lj of the gradient of the squared loss
    have the covariance x_j^2 (s r_i r_l + C/q), with s = p/q, r_i = e_i + s u_ij and
    C = s sum_(a != j) u_ia u_la. *)
Theorem cov_gradient (W : K -> I -> F) (x : I -> F) (y : K -> F) i l j :
  let s := p / q in
  let u i a := W i a * x a in
  let r i := \sum_a u i a - y i + s * u i j in
  let C := s * \sum_(a | a != j) u i a * u l a in
  let G i m := (\sum_a W i a * dropout p x m a - y i) * dropout p x m j in
  cov (bernoulli p) (G i) (G l) = x j ^+ 2 * (s * r i * r l + C / q).
Proof.
move=> s u r C G; pose e (m : mask I) a := factor p (m a).
pose N i m := \sum_(a | a != j) u i a * (e m a - 1).
have ee m : e m j * e m j = e m j / q.
  by rewrite /e /factor; case: (m j) => /=; field.
have GE k : G k =1 (fun m => x j * (e m j * (r k + N k m))).
  move=> m; rewrite /G /dropout -/(e m j).
  have -> : \sum_a W k a * (x a * factor p (m a)) = \sum_a u k a + u k j * (e m j - 1) + N k m.
    rewrite (bigD1 j) //= [\sum_a u k a](bigD1 j) //= /N.
    have -> : \sum_(a | a != j) W k a * (x a * factor p (m a)) =
        \sum_(a | a != j) u k a + \sum_(a | a != j) u k a * (e m a - 1).
      by rewrite -big_split; apply: eq_bigr => a _ /=; rewrite /u /e; ring.
    by rewrite /u -/(e m j); move: (\sum_(a | _) _) (\sum_(a | _) _) => X Y; ring.
  have := ee m; rewrite /r; move: (\sum_a _) (N k m) (e m j) (u k j) (y k) => S n c v z cc.
  have -> : x j * (c * (S - z + s * v + n)) = x j * (c * (S - z + n) + v * (s * c)) by ring.
  have -> : s * c = c * c - c by rewrite cc /s; field.
  by ring.
have EN k : expect (bernoulli p) (fun m => e m j * N k m) = 0.
  transitivity (expect (bernoulli p) (fun m => \sum_a if a != j then
      u k a * (e m j * (e m a - 1)) else 0)).
    apply: eq_expect => m; rewrite -big_mkcond mulr_sumr; apply: eq_bigr => a _; ring.
  rewrite (expect_sum _ (fun a m => if a != j then u k a * (e m j * (e m a - 1)) else 0)).
  rewrite big1 // => a _; case: (boolP (a != j)) => aj /=; last first.
    by rewrite expect_const ?total_bernoulli.
  rewrite eq_sym in aj; rewrite expectZ.
  rewrite (expect_bernoulli2 p (factor p) (fun c => factor p c - 1) aj) /factor /=.
  by move: (u k a) => v; field.
have ENN : expect (bernoulli p) (fun m => e m j * (N i m * N l m)) = C.
  transitivity (expect (bernoulli p) (fun m => \sum_a \sum_b
      if (a != j) && (b != j) then (u i a * u l b) * (e m j * ((e m a - 1) * (e m b - 1))) else 0)).
    apply: eq_expect => m; rewrite /N big_distrlr mulr_sumr big_mkcond; apply: eq_bigr => a _ /=.
    case: (a != j) => /=; last by rewrite big1.
    rewrite mulr_sumr big_mkcond; apply: eq_bigr => b _; case: (b != j) => //=; ring.
  rewrite (expect_sum _ (fun a m => \sum_b if (a != j) && (b != j) then
    (u i a * u l b) * (e m j * ((e m a - 1) * (e m b - 1))) else 0)).
  rewrite /C mulr_sumr [RHS]big_mkcond; apply: eq_bigr => a _ /=.
  rewrite (expect_sum _ (fun b m => if (a != j) && (b != j) then
    (u i a * u l b) * (e m j * ((e m a - 1) * (e m b - 1))) else 0)).
  case: (boolP (a != j)) => aj /=; last first.
    by rewrite big1 // => b _; rewrite expect_const ?total_bernoulli.
  rewrite (bigD1 a) //= aj expectZ expect_factor3 // eqxx big1 => [|b ba].
    by rewrite mul1r addr0 mulrC.
  case: (boolP (b != j)) => bj /=; last by rewrite expect_const ?total_bernoulli.
  by rewrite expectZ expect_factor3 // eq_sym (negPf ba) mul0r mulr0.
have EG k : expect (bernoulli p) (G k) = x j * r k.
  rewrite (eq_expect _ (GE k)) expectZ; congr (_ * _).
  transitivity (expect (bernoulli p) (fun m => r k * e m j + e m j * N k m)).
    by apply: eq_expect => m; ring.
  by rewrite expectD expectZ EN expect_factor // mulr1 addr0.
rewrite covE ?total_bernoulli // !EG.
transitivity (expect (bernoulli p) (fun m => (x j ^+ 2 / q) * ((r i * r l) * e m j
    + r i * (e m j * N l m) + r l * (e m j * N i m) + e m j * (N i m * N l m)))
  - x j * r i * (x j * r l)).
  congr (_ - _); apply: eq_expect => m; rewrite !GE.
  have -> : x j * (e m j * (r i + N i m)) * (x j * (e m j * (r l + N l m))) =
    x j ^+ 2 * ((e m j * e m j) * ((r i + N i m) * (r l + N l m))) by ring.
  by rewrite ee; move: (e m j) (r i) (r l) (N i m) (N l m) (x j) => a b c d f g; field.
rewrite expectZ !expectD !expectZ !EN ENN expect_factor // /s.
by clear ENN; move: (r i) (r l) C (x j) => a b c d; field.
Qed.

End Mean.

(** [thm-mask-memory] A store from which the backward pass of every mask can be computed
    has at least 2^n states. *)
Theorem mask_memory (F : fieldType) (I S : finType) (p : F)
    (encode : mask I -> S) (decode : S -> (I -> F) -> I -> F) : 1 - p != 0 ->
  (forall m g i, decode (encode m) g i = g i * factor p (m i)) -> (2 ^ #|I| <= #|S|)%N.
Proof.
move=> q0 exact_store; rewrite -card_mask; apply: (@leq_card _ _ encode) => m m' same.
apply/ffunP=> i; have := exact_store m (fun=> 1) i; rewrite same exact_store !mul1r /factor.
move/(mulIf (invr_neq0 q0)); case: (m i) (m' i) => [] [] //= /eqP.
  by rewrite eq_sym oner_eq0.
by rewrite oner_eq0.
Qed.
