(** * Systems: policies, adapters, shards, attention, outputs, pooling, recurrence *)

From mathcomp Require Import all_ssreflect all_algebra ring.
From Dropout Require Import Mask Formulation Ensemble Noise.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** [thm-policy-ratio] The ratio of two policies has the mean 1 under the policy that
    acts, and its variance is the chi-square divergence. *)
Theorem policy_ratio (F : fieldType) (A : finType) (pi pi' : A -> F) :
  total pi = 1 -> total pi' = 1 -> (forall a, pi a != 0) ->
  expect pi (fun a => pi' a / pi a) = 1 /\
  var pi (fun a => pi' a / pi a) = \sum_a (pi' a - pi a) ^+ 2 / pi a.
Proof.
move=> t t' nz; have mean : expect pi (fun a => pi' a / pi a) = 1.
  by rewrite -[RHS]t'; apply: eq_bigr => a _; rewrite mulrC divfK.
split=> //; rewrite /var /cov mean; apply: eq_bigr => a _.
by move: (pi a) (pi' a) (nz a) => b c b0; field.
Qed.

Section Layers.

Variables (F : fieldType) (I K R : finType) (p : F).
Local Notation q := (1 - p).
Hypothesis q0 : q != 0.

(** [thm-lora] With dropout in front of the adapter c B A, the mean output is that of the
    merged weights W + c B A, with no further factor. *)
Theorem lora_merge (W : K -> I -> F) (B : K -> R -> F) (A : R -> I -> F) (c : F) (x : I -> F) k :
  expect (bernoulli p) (fun m =>
    \sum_j W k j * x j + c * \sum_r B k r * \sum_j A r j * dropout p x m j) =
  \sum_j (W k j + c * \sum_r B k r * A r j) * x j.
Proof.
rewrite expectD expect_const ?total_bernoulli // expectZ.
under [RHS]eq_bigr do rewrite mulrDl -mulrA; rewrite big_split -mulr_sumr /=.
congr (_ + _ * _); rewrite (expect_sum _ (fun r m => B k r * \sum_j A r j * dropout p x m j)).
under [RHS]eq_bigr do rewrite mulr_suml.
rewrite [RHS]exchange_big; apply: eq_bigr => r _ /=.
rewrite expectZ (expect_sum _ (fun j m => A r j * dropout p x m j)) mulr_sumr.
by apply: eq_bigr => j _; rewrite expectZ expect_dropout // mulrA.
Qed.

(** [thm-lora] The penalty on the squared loss is (p/q) c^2 sum_j x_j^2 |(B A)_:j|^2. *)
Theorem lora_penalty (W D : K -> I -> F) (c : F) (x : I -> F) (y : K -> F) :
  expect (bernoulli p) (fun m => \sum_k
    (y k - (\sum_j W k j * x j + \sum_j c * D k j * dropout p x m j)) ^+ 2) =
  \sum_k (y k - (\sum_j W k j * x j + \sum_j c * D k j * x j)) ^+ 2
  + p / q * c ^+ 2 * \sum_j x j ^+ 2 * \sum_k D k j ^+ 2.
Proof.
have := linear_penalty q0 (fun k j => c * D k j) x (fun k => y k - \sum_j W k j * x j).
under eq_expect => m do under eq_bigr => k _ do rewrite -addrA -opprD.
move=> ->; congr (_ + _); first by apply: eq_bigr => k _; rewrite opprD addrA.
rewrite -[RHS]mulrA [c ^+ 2 * _]mulr_sumr; congr (_ * _); apply: eq_bigr => j _.
rewrite [RHS]mulrCA [c ^+ 2 * _]mulr_sumr.
by congr (_ * _); apply: eq_bigr => k _; rewrite exprMn.
Qed.

(** [thm-sharded-mask] Units sharded over ranks k with one mask for all ranks: the output's
    variance is (p/q) sum_j (sum_k u_kj)^2; with masks of their own (p/q) sum_kj u_kj^2. *)
Theorem sharded_mask (u : K -> I -> F) :
  var (bernoulli p) (fun m => \sum_j dropout p (fun j => \sum_k u k j) m j) =
    p / q * (\sum_j (\sum_k u k j) ^+ 2) /\
  var (bernoulli p) (fun m : {ffun K * I -> bool} => \sum_kj dropout p (fun kj => u kj.1 kj.2) m kj) =
    p / q * \sum_kj u kj.1 kj.2 ^+ 2.
Proof.
by rewrite /var !cov_sum_dropout //; split; congr (_ * _);
  apply: eq_bigr => j _; rewrite expr2.
Qed.

(** [thm-attention-eval] Attention that drops in evaluation too: an output has the
    variance (p/q) sum_k a_k^2 v_k^2. *)
Theorem attention_eval (a v : I -> F) :
  var (bernoulli p) (fun m => \sum_k dropout p a m k * v k) = p / q * \sum_k a k ^+ 2 * v k ^+ 2.
Proof.
have E : (fun m => \sum_k dropout p a m k * v k) =1
    (fun m => \sum_k dropout p (fun k => a k * v k) m k).
  by move=> m; apply: eq_bigr => k _; rewrite /dropout mulrAC.
by rewrite /var (eq_cov _ E E) cov_sum_dropout //; congr (_ * _); apply: eq_bigr => k _; ring.
Qed.

(** [thm-output-dropout] Dropout on the output o of a regression: the expected squared
    error exceeds that of the output q y by (o - q y)^2 / q. *)
Theorem output_dropout (y o : F) :
  let loss o := expect (coin p) (fun b => (y - o * factor p b) ^+ 2) in
  loss o - loss (q * y) = (o - q * y) ^+ 2 / q.
Proof. by rewrite /= !expect_coin /factor /=; field. Qed.

(** [thm-pooling] Average pooling of masked units keeps the mean. *)
Theorem average_pooling (x : I -> F) :
  expect (bernoulli p) (fun m => #|I|%:R^-1 * \sum_i dropout p x m i) = #|I|%:R^-1 * \sum_i x i.
Proof. by rewrite expectZ expect_sum_dropout. Qed.

(** [thm-bn-variance-shift] An activation x of batch variance Var x has behind dropout the
    variance Var x + (p/q) E x^2 in training, and Var x at inference. *)
Theorem batchnorm_shift (P x : I -> F) : total P = 1 ->
  var (pair P (coin p)) (fun ib => x ib.1 * factor p ib.2) =
  var P x + p / q * expect P (fun i => x i ^+ 2).
Proof.
move=> P1; rewrite !varE ?total_pair ?total_coin // !expect_pair.
transitivity (expect P (fun i => q^-1 * x i ^+ 2) - expect P x ^+ 2).
  by congr (_ - _ ^+ 2); apply: eq_expect => i; rewrite expect_coin /factor /=;
    move: (x i) => a; field.
by rewrite expectZ; move: (expect _ _) (expect P x) => a b; field.
Qed.

(** [thm-mixout] The weight (m w + (1 - m) w0 - p w0)/q has the mean w and the variance
    (p/q) (w - w0)^2: it is drawn to the weights of before. *)
Theorem mixout (w w0 : F) :
  let out b := (b%:R * w + (1 - b%:R) * w0 - p * w0) / q in
  expect (coin p) out = w /\ var (coin p) out = p / q * (w - w0) ^+ 2.
Proof. by rewrite /= varE ?total_coin // !expect_coin /=; split; field. Qed.

End Layers.

Section Recurrent.

Variables (F : fieldType) (p w h0 : F) (T : nat).
Local Notation q := (1 - p).
Hypothesis q0 : q != 0.
Local Notation fresh := (product (fun _ : 'I_T => coin p)).

(** [thm-recurrent-mean] With a fresh mask at each step the state h_T has the mean
    w^T h_0 and the second moment w^2T h_0^2 q^-T. *)
Theorem recurrent_fresh :
  expect fresh (fun m => h0 * \prod_t (w * factor p (m t))) = w ^+ T * h0 /\
  expect fresh (fun m => (h0 * \prod_t (w * factor p (m t))) ^+ 2) =
    (w ^+ 2 / q) ^+ T * h0 ^+ 2.
Proof.
have power (f : bool -> F) c : expect (coin p) f = c ->
    expect fresh (fun m => \prod_t f (m t)) = c ^+ T.
  move=> fc; rewrite (expect_prod (fun _ : 'I_T => coin p) (fun _ => f)).
  by rewrite prodr_const card_ord fc.
split.
  rewrite expectZ (power (fun b => w * factor p b) w); first exact: mulrC.
  by rewrite expect_coin /factor /=; field.
transitivity (expect fresh (fun m => h0 ^+ 2 * \prod_t (w * factor p (m t)) ^+ 2)).
  by apply: eq_expect => m; rewrite exprMn prodrXl.
rewrite expectZ (power (fun b => (w * factor p b) ^+ 2) (w ^+ 2 / q)); first exact: mulrC.
by rewrite expect_coin /factor /=; field.
Qed.

(** [thm-recurrent-mean] With one mask for all T >= 1 steps the mean is q (w/q)^T h_0 and
    the second moment q (w/q)^2T h_0^2. *)
Theorem recurrent_shared : (0 < T)%N ->
  expect (coin p) (fun b => h0 * (w * factor p b) ^+ T) = q * (w / q) ^+ T * h0 /\
  expect (coin p) (fun b => (h0 * (w * factor p b) ^+ T) ^+ 2) =
    q * (w / q) ^+ T ^+ 2 * h0 ^+ 2.
Proof.
move=> T_gt0; rewrite !expect_coin /factor /= mul0r mulr0 expr0n -[T == _]negbK -lt0n T_gt0 /=.
by rewrite mul1r mulr0 expr0n /= mulr0 !addr0; split; move: (_ ^+ T) => a; ring.
Qed.

End Recurrent.

(** [thm-realised-rate] Dividing by what was kept, m_i n/|m|, keeps every mean if at least
    one unit is always kept and the units are exchangeable in m_i/|m|. *)
Theorem realised_rate (F : realFieldType) (I : finType) (P : mask I -> F) i :
  total P = 1 -> (forall m, kept m = 0%N -> P m = 0) ->
  (forall j, expect P (fun m => (m j)%:R / (kept m)%:R) = expect P (fun m => (m i)%:R / (kept m)%:R)) ->
  expect P (fun m => #|I|%:R * ((m i)%:R / (kept m)%:R)) = 1.
Proof.
move=> P1 some same; rewrite expectZ mulr_natl -sumr_const -(eq_bigr _ (fun j _ => same j)).
rewrite -(expect_sum P (fun j m => (m j)%:R / (kept m)%:R)) -[RHS]P1; apply: eq_bigr => m _.
rewrite -mulr_suml -keptE; case: (eqVneq (kept m) 0%N) => [k0 | k_neq0].
  by rewrite (some m k0) mul0r.
by rewrite divff ?mulr1 // pnatr_eq0.
Qed.

(** [thm-pooling] For x_1 >= x_2 >= ... >= x_n >= 0 the mean of the maximum of the masked
    units is sum_i p^(i-1) x_i. *)
Theorem max_pooling (F : realFieldType) n (p : F) (x : 'I_n -> F) : p < 1 ->
  (forall i, 0 <= x i) -> (forall i j : 'I_n, (i <= j)%N -> x j <= x i) ->
  expect (bernoulli p) (fun m => \big[Num.max/0]_i dropout p x m i) = \sum_(i < n) p ^+ i * x i.
Proof.
move=> p1; have q_gt0 : 0 < 1 - p by rewrite subr_gt0.
have q0 := lt0r_neq0 q_gt0; elim: n x => [|n IH] x x0 sorted.
  by rewrite (expect_ord0 _ _ [ffun=> true]) !big_ord0.
rewrite /bernoulli expect_recl expect_coin big_ord_recl expr0 mul1r /=; congr (_ + _).
  rewrite -[RHS](divfK q0) mulrC; congr (_ * _).
  have B1 : total (bernoulli p : {ffun 'I_n -> bool} -> F) = 1 by apply: total_bernoulli.
  rewrite -[RHS](expect_const _ B1).
  apply: eq_expect => m; rewrite big_ord_recl {1}/dropout fcons0 /factor mul1r.
  apply/max_idPl; elim/big_ind: _ => [|a b a_le b_le|i _]; first by rewrite divr_ge0 // ltW.
    by case: (lerP a b).
  rewrite /dropout fconsS /factor; case: (m i); rewrite ?mul0r ?mulr0 ?divr_ge0 ?(ltW q_gt0) //.
  by rewrite mul1r -subr_ge0 -mulrBl divr_ge0 ?(ltW q_gt0) // subr_ge0 sorted.
have IHx := IH (fun i => x (lift ord0 i)); rewrite -/(bernoulli p) in IHx *.
under [RHS]eq_bigr do rewrite exprS -mulrA; rewrite -mulr_sumr -IHx => [|i|i j ij]; first last.
- by rewrite sorted.
- exact: x0.
congr (_ * _); apply: eq_expect => m; rewrite big_ord_recl {1}/dropout fcons0 /factor mul0r mulr0.
rewrite (eq_bigr (fun i => dropout p (fun i => x (lift ord0 i)) m i)) => [|i _]; last first.
  by rewrite /dropout fconsS.
apply/max_idPr; elim/big_ind: _ => [//|a b a_ge b_ge|i _]; first by case: (lerP a b).
by rewrite /dropout /factor mulr_ge0 // divr_ge0 ?ler0n // ltW.
Qed.
