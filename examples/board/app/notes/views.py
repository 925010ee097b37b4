from django.shortcuts import redirect, render

from .models import Note


def board(request):
    if request.method == "POST":
        text = request.POST.get("text", "").strip()[:200]
        if text:
            Note.objects.create(text=text)
        return redirect("/")
    return render(request, "notes/board.html", {"notes": Note.objects.all()[:50]})
