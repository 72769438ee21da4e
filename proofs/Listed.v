(** * Finite types whose elements are listed, so that sums over them compute *)

From mathcomp Require Import all_ssreflect.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

(** Codes compute, where a finite function of MathComp does not. *)
Class listed (A : finType) := Listed {
  carrier : Type;
  decode : carrier -> A;
  base : carrier;
  codes : seq carrier;
  complete : forall a, has (fun c => decode c == a) codes;
  size_codes : size codes = #|A|
}.
Arguments carrier A {_}.
Arguments decode {A _}.
Arguments base A {_}.
Arguments codes A {_}.

Section Listed.

Variables (A : finType) (LA : listed A).

Lemma coded a : exists2 i, (i < size (codes A))%N & decode (nth (base A) (codes A) i) = a.
Proof. by case: (elimT (has_nthP (base A)) (complete a)) => i i_lt /eqP <-; exists i. Qed.

Lemma codesE : perm_eq (map decode (codes A)) (enum A).
Proof.
have sub : {subset enum A <= map decode (codes A)}.
  by move=> a _; rewrite -has_pred1 has_map; apply: complete.
have le_size : (size (map decode (codes A)) <= size (enum A))%N.
  by rewrite size_map size_codes cardE.
apply: (uniq_perm (leq_size_uniq (enum_uniq A) sub le_size) (enum_uniq A)) => a.
by rewrite mem_enum; apply: sub; rewrite mem_enum.
Qed.

Lemma big_codes (R : Type) (idx : R) (op : Monoid.com_law idx) (P : pred A) (f : A -> R) :
  \big[op/idx]_(a | P a) f a =
  foldr (fun c r => op (if P (decode c) then f (decode c) else idx) r) idx (codes A).
Proof.
rewrite big_mkcond -big_enum /= -(perm_big _ codesE) big_map.
by elim: (codes A) => [|c s IH]; rewrite ?big_nil ?big_cons ?IH.
Qed.

Lemma card_codes (P : pred A) : #|P| = count (fun c => P (decode c)) (codes A).
Proof.
by rewrite -sum1_card big_codes; elim: (codes A) => //= c s ->; rewrite -topredE /=; case: (P _).
Qed.

End Listed.

(** Units by their number, units in pairs, and functions of them. *)
Fixpoint ordinals n : seq 'I_n :=
  if n is n'.+1 then ord0 :: map (lift ord0) (ordinals n') else [::].

Lemma mem_ordinals n (i : 'I_n) : i \in ordinals n.
Proof.
elim: n i => [[] //|n IH] i; rewrite inE; case: (unliftP ord0 i) => [j|] -> //.
by rewrite map_f // IH orbT.
Qed.

Lemma size_ordinals n : size (ordinals n) = n.
Proof. by elim: n => //= n IH; rewrite size_map IH. Qed.

Local Obligation Tactic := idtac.

Program Instance listed_ord n : listed [finType of 'I_n.+1] :=
  {| decode := id; base := ord0; codes := ordinals n.+1 |}.
Next Obligation. by move=> n i; apply/hasP; exists i; rewrite ?mem_ordinals. Qed.
Next Obligation. by move=> n; rewrite size_ordinals card_ord. Qed.

Program Instance listed_bool : listed [finType of bool] :=
  {| decode := id; base := true; codes := [:: true; false] |}.
Next Obligation. by case. Qed.
Next Obligation. by rewrite card_bool. Qed.

Lemma has_allpairs (S T R : Type) (f : S -> T -> R) (P : pred R) s t :
  has P [seq f x y | x <- s, y <- t] = has (fun x => has (fun y => P (f x y)) t) s.
Proof. by elim: s => //= x s IH; rewrite has_cat has_map IH. Qed.

Program Instance listed_pair A B (LA : listed A) (LB : listed B) : listed [finType of A * B] :=
  {| decode c := (decode c.1, decode c.2); base := (base A, base B);
     codes := [seq (a, b) | a <- codes A, b <- codes B] |}.
Next Obligation.
move=> A B LA LB [a b]; rewrite has_allpairs.
have [i i_lt ai] := coded LA a; apply/(has_nthP (base A)); exists i => //.
have [j j_lt bj] := coded LB b; apply/(has_nthP (base B)); exists j => //.
by rewrite /= ai bj.
Qed.
Next Obligation. by move=> A B LA LB; rewrite size_allpairs !size_codes card_prod. Qed.

Section Functions.

Variables (I A : finType) (LI : listed I) (LA : listed A).

Definition put (i : I) (c : carrier A) (g : I -> carrier A) j := if j == i then c else g j.

Definition functions : seq I -> seq (I -> carrier A) :=
  foldr (fun i gs => [seq put i c g | c <- codes A, g <- gs]) [:: fun=> base A].

Definition units := map decode (codes I).

Lemma has_functions (f : I -> A) :
  has (fun g => [forall i, decode (g i) == f i]) (functions units).
Proof.
have : has (fun g => [forall i in units, decode (g i) == f i]) (functions units).
  elim: units => [|i s IH] /=; first by rewrite orbF; apply/forall_inP.
  rewrite has_allpairs; have [k k_lt fi] := coded LA (f i).
  apply/(has_nthP (base A)); exists k => //; move: IH; apply: sub_has => g /forall_inP gf.
  apply/forall_inP => j; rewrite inE /put; case: eqP => [-> _|_ /= js]; first by rewrite fi.
  exact: gf.
apply: sub_has => g /forall_inP gf; apply/forallP => i; apply: gf.
by rewrite -has_pred1 has_map; apply: complete.
Qed.

Lemma size_functions : size (functions units) = (#|A| ^ #|I|)%N.
Proof.
have -> : #|I| = size units by rewrite size_map size_codes.
elim: units => //= i s IH.
by rewrite size_allpairs size_codes IH expnS.
Qed.

End Functions.

Program Instance listed_ffun I A (LI : listed I) (LA : listed A) :
  listed [finType of {ffun I -> A}] :=
  {| decode g := [ffun i => decode (g i)]; base := fun=> base A;
     codes := functions LA (units LI) |}.
Next Obligation.
move=> I A LI LA f; apply: sub_has (has_functions LI LA f) => g /forallP gf.
by apply/eqP/ffunP => i; rewrite ffunE; apply/eqP/gf.
Qed.
Next Obligation. by move=> I A LI LA; rewrite size_functions card_ffun. Qed.

Program Instance listed_set I (LI : listed I) : listed [finType of {set I}] :=
  {| decode g := [set i | g i]; base := fun=> true;
     codes := functions listed_bool (units LI) |}.
Next Obligation.
move=> I LI S; apply: sub_has (has_functions LI listed_bool (mem S)) => g /forallP gS.
by apply/eqP/setP => i; rewrite inE; apply/eqP/gS.
Qed.
Next Obligation.
move=> I LI; transitivity (#|{: bool}| ^ #|I|)%N; first exact: (size_functions LI listed_bool).
by rewrite card_bool -[RHS]cardsT -powersetT card_powerset cardsT.
Qed.
